/* SPDX-License-Identifier: Apache-2.0 */
/** @file jni_support.h  Texts, errors and the classes between Java and the public API. A function that returns with an exception pending
 * has made no JNI call behind it but those that JNI allows then. */
#ifndef BINOCLE_PLATFORMS_ANDROID_JNI_JNI_SUPPORT_H
#define BINOCLE_PLATFORMS_ANDROID_JNI_JNI_SUPPORT_H

#include <binocle/binocle.h>
#include <jni.h>

/** What JNI_OnLoad finds once: a thread that Java did not start finds no classes of an app. They live as long as the library is loaded. */
typedef struct bnc_jni_classes {
  JavaVM *vm;
  jclass exception, model, session; /* global references */
  jmethodID make_exception;         /* BinocleException(int, byte[]) */
  jmethodID log;                    /* Model.log(Logger, int, byte[]) */
  jmethodID deliver;                /* Session.deliver(TokenListener, int, byte[]) */
  jmethodID joules;                 /* Session.joules(EnergySource) */
} bnc_jni_classes;
extern bnc_jni_classes bnc_jni;

/** The native methods of Model and of Session, for RegisterNatives. */
extern const JNINativeMethod bnc_jni_model_methods[], bnc_jni_session_methods[];
extern const jint bnc_jni_model_method_count, bnc_jni_session_method_count;

/** Throws a BinocleException, unless something is thrown already. */
void bnc_jni_throw(JNIEnv *env, bnc_status status, const char *message);
/** The bytes as a NUL-terminated text, to be freed with free. NULL: bytes is NULL, or (*failed, which else stays as it is) memory is
 * lacking and an exception pending. */
char *bnc_jni_text(JNIEnv *env, jbyteArray bytes, jboolean *failed);
/** A local reference; NULL with an exception pending. */
jbyteArray bnc_jni_bytes(JNIEnv *env, const char *text, size_t length);

static inline void *bnc_jni_pointer(jlong address) { return (void *)(uintptr_t)address; }
static inline jlong bnc_jni_address(const void *pointer) { return (jlong)(uintptr_t)pointer; }

#endif
