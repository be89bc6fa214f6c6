/* SPDX-License-Identifier: Apache-2.0 */
/* The native methods of org.binocle.Model: a context and a model in it. */
#include <stdlib.h>
#include <string.h>

#include "platforms/android/jni/jni_model.h"
#include "platforms/android/jni/jni_support.h"

/* On the thread of a call into the library, which Java made. What the logger throws is dropped: the work has nothing to do with it. */
static void on_log(void *user, bnc_log_level level, const char *message) {
  const bnc_jni_model *m = user;
  JNIEnv *env;
  if (!m->logger || (*bnc_jni.vm)->GetEnv(bnc_jni.vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK || (*env)->ExceptionCheck(env)) return;
  jbyteArray bytes = bnc_jni_bytes(env, message, strlen(message));
  if (bytes) (*env)->CallStaticVoidMethod(env, bnc_jni.model, bnc_jni.log, m->logger, (jint)level, bytes);
  if ((*env)->ExceptionCheck(env)) (*env)->ExceptionClear(env);
  (*env)->DeleteLocalRef(env, bytes);
}

static void destroy_model(JNIEnv *env, bnc_jni_model *m) {
  bnc_model_close(m->model);
  bnc_context_destroy(m->context);
  if (m->logger) (*env)->DeleteGlobalRef(env, m->logger);
  free(m);
}

/* The caller's texts stay its own. */
static bnc_jni_model *open_model(JNIEnv *env, const char *path, unsigned threads, const char *cache_folder, jobject logger) {
  bnc_context_settings settings;
  bnc_jni_model *m = calloc(1, sizeof *m);
  if (m && logger) m->logger = (*env)->NewGlobalRef(env, logger);
  bnc_context_settings_init(&settings);
  settings.user = m;
  settings.log = on_log;
  settings.threads = threads;
  settings.cache_dir = cache_folder;
  if (!m || bnc_context_create(&settings, &m->context) != BNC_OK) {
    bnc_jni_throw(env, BNC_ERROR_MEMORY, "out of memory");
    if (m) destroy_model(env, m);
    return NULL;
  }
  const bnc_status status = bnc_model_open(m->context, path, &m->model);
  if (status == BNC_OK) return m;
  bnc_jni_throw(env, status, bnc_context_error(m->context));
  destroy_model(env, m);
  return NULL;
}

static jlong JNICALL java_open(JNIEnv *env, jclass class, jbyteArray path, jint threads, jbyteArray cache_folder, jobject logger) {
  jboolean failed = JNI_FALSE;
  bnc_jni_model *m = NULL;
  (void)class;
  char *file = bnc_jni_text(env, path, &failed), *folder = failed ? NULL : bnc_jni_text(env, cache_folder, &failed);
  if (!failed && threads < 0)
    bnc_jni_throw(env, BNC_ERROR_ARGUMENT, "threads is negative");
  else if (!failed)
    m = open_model(env, file, (unsigned)threads, folder, logger);
  free(file);
  free(folder);
  return bnc_jni_address(m);
}

static void JNICALL java_destroy(JNIEnv *env, jclass class, jlong address) {
  (void)class;
  destroy_model(env, bnc_jni_pointer(address));
}

static void JNICALL java_info(JNIEnv *env, jclass class, jlong address, jlongArray numbers) {
  const bnc_jni_model *m = bnc_jni_pointer(address);
  bnc_model_info info = {.size = sizeof info};
  (void)class;
  bnc_model_get_info(m->model, &info); /* it cannot fail with these */
  const jlong n[] = {info.context,       info.image_rows,        info.input_side,
                     info.has_tokenizer, (jlong)info.file_bytes, (jlong)info.predicted_bytes};
  (*env)->SetLongArrayRegion(env, numbers, 0, sizeof n / sizeof n[0], n);
}

static void JNICALL java_keep_pictures(JNIEnv *env, jclass class, jlong address, jint count) {
  const bnc_jni_model *m = bnc_jni_pointer(address);
  (void)class;
  const bnc_status status = count < 0 ? BNC_ERROR_ARGUMENT : bnc_model_keep_pictures(m->model, (size_t)count);
  if (status != BNC_OK) bnc_jni_throw(env, status, count < 0 ? "a negative count of pictures" : bnc_context_error(m->context));
}

static jbyteArray JNICALL java_version(JNIEnv *env, jclass class) {
  (void)class;
  return bnc_jni_bytes(env, bnc_version(), strlen(bnc_version()));
}

#define METHOD(name, signature, function) {(char *)(uintptr_t)(name), (char *)(uintptr_t)(signature), (void *)(function)}
const JNINativeMethod bnc_jni_model_methods[] = {
    METHOD("open", "([BI[BLorg/binocle/Model$Logger;)J", java_open),
    METHOD("destroy", "(J)V", java_destroy),
    METHOD("info", "(J[J)V", java_info),
    METHOD("keepPictures", "(JI)V", java_keep_pictures),
    METHOD("versionText", "()[B", java_version),
};
const jint bnc_jni_model_method_count = sizeof bnc_jni_model_methods / sizeof bnc_jni_model_methods[0];
