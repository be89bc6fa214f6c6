/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/android/jni/jni_support.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

bnc_jni_classes bnc_jni;

jbyteArray bnc_jni_bytes(JNIEnv *env, const char *text, size_t length) {
  const jsize count = length < INT_MAX ? (jsize)length : INT_MAX;
  jbyteArray bytes = (*env)->NewByteArray(env, count);
  if (bytes) (*env)->SetByteArrayRegion(env, bytes, 0, count, (const jbyte *)text);
  return bytes;
}

void bnc_jni_throw(JNIEnv *env, bnc_status status, const char *message) {
  if ((*env)->ExceptionCheck(env)) return;
  jbyteArray bytes = bnc_jni_bytes(env, message, strlen(message));
  if (!bytes) return;
  jobject exception = (*env)->NewObject(env, bnc_jni.exception, bnc_jni.make_exception, (jint)status, bytes);
  if (!(*env)->ExceptionCheck(env)) (*env)->Throw(env, exception);
  (*env)->DeleteLocalRef(env, exception);
  (*env)->DeleteLocalRef(env, bytes);
}

char *bnc_jni_text(JNIEnv *env, jbyteArray bytes, jboolean *failed) {
  if (!bytes) return NULL;
  const jsize length = (*env)->GetArrayLength(env, bytes);
  char *text = malloc((size_t)length + 1);
  if (!text) {
    bnc_jni_throw(env, BNC_ERROR_MEMORY, "out of memory");
    *failed = JNI_TRUE;
    return NULL;
  }
  (*env)->GetByteArrayRegion(env, bytes, 0, length, (jbyte *)text);
  text[length] = '\0';
  return text;
}

/* A class for as long as the library is loaded, with its native methods. */
static jclass find(JNIEnv *env, const char *name, const JNINativeMethod *methods, jint count) {
  jclass local = (*env)->FindClass(env, name);
  if (!local) return NULL;
  jclass global = (*env)->NewGlobalRef(env, local);
  (*env)->DeleteLocalRef(env, local);
  if (global && count && (*env)->RegisterNatives(env, global, methods, count) != JNI_OK) return NULL;
  return global;
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
  JNIEnv *env;
  (void)reserved;
  if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
  bnc_jni_classes *c = &bnc_jni;
  c->vm = vm;
  c->exception = find(env, "org/binocle/BinocleException", NULL, 0);
  if (!c->exception) return JNI_ERR; /* with what FindClass has thrown */
  c->make_exception = (*env)->GetMethodID(env, c->exception, "<init>", "(I[B)V");
  if (!c->make_exception) return JNI_ERR;
  c->model = find(env, "org/binocle/Model", bnc_jni_model_methods, bnc_jni_model_method_count);
  if (!c->model) return JNI_ERR;
  c->log = (*env)->GetStaticMethodID(env, c->model, "log", "(Lorg/binocle/Model$Logger;I[B)V");
  if (!c->log) return JNI_ERR;
  c->session = find(env, "org/binocle/Session", bnc_jni_session_methods, bnc_jni_session_method_count);
  if (!c->session) return JNI_ERR;
  c->deliver = (*env)->GetStaticMethodID(env, c->session, "deliver", "(Lorg/binocle/TokenListener;I[B)Z");
  if (!c->deliver) return JNI_ERR;
  c->joules = (*env)->GetStaticMethodID(env, c->session, "joules", "(Lorg/binocle/EnergySource;)D");
  return c->joules ? JNI_VERSION_1_6 : JNI_ERR;
}
