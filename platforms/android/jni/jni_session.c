/* SPDX-License-Identifier: Apache-2.0 */
/* The native methods of org.binocle.Session, whose address is a jni_session. */
#include <math.h>
#include <stdlib.h>

#include "platforms/android/jni/jni_model.h"
#include "platforms/android/jni/jni_support.h"

typedef struct jni_session {
  bnc_session *session;
  jobject meter; /* an EnergySource that a limit of power looks at, a global reference; or NULL */
} jni_session;

static bnc_session *session_at(jlong address) { return ((const jni_session *)bnc_jni_pointer(address))->session; }

static void check(JNIEnv *env, const bnc_session *session, bnc_status status) {
  if (status != BNC_OK) bnc_jni_throw(env, status, bnc_session_error(session));
}

static jlong JNICALL java_create(JNIEnv *env, jclass class, jlong model, jint cache, jint context, jlong memory_limit) {
  const bnc_jni_model *m = bnc_jni_pointer(model);
  bnc_session_settings settings;
  (void)class;
  bnc_session_settings_init(&settings);
  settings.kv_cache = (uint32_t)cache;
  settings.context = (uint32_t)context;
  settings.memory_limit = (uint64_t)memory_limit;
  if (context < 0 || memory_limit < 0) {
    bnc_jni_throw(env, BNC_ERROR_ARGUMENT, "a negative context or memory limit");
    return 0;
  }
  jni_session *session = calloc(1, sizeof *session);
  if (!session) {
    bnc_jni_throw(env, BNC_ERROR_MEMORY, "out of memory");
    return 0;
  }
  const bnc_status status = bnc_session_create_with(m->model, &settings, &session->session);
  if (status == BNC_OK) return bnc_jni_address(session);
  free(session);
  bnc_jni_throw(env, status, bnc_context_error(m->context));
  return 0;
}

static void JNICALL java_destroy(JNIEnv *env, jclass class, jlong address) {
  jni_session *session = bnc_jni_pointer(address);
  (void)class;
  bnc_session_destroy(session->session);
  (*env)->DeleteGlobalRef(env, session->meter);
  free(session);
}

/* On the thread that runs the session: Java's. What the source throws is that it does not know. */
static double read_joules(void *user) {
  const jni_session *session = user;
  JNIEnv *env;
  if ((*bnc_jni.vm)->GetEnv(bnc_jni.vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK || (*env)->ExceptionCheck(env)) return (double)NAN;
  const jdouble joules = (*env)->CallStaticDoubleMethod(env, bnc_jni.session, bnc_jni.joules, session->meter);
  if (!(*env)->ExceptionCheck(env)) return joules;
  (*env)->ExceptionClear(env);
  return (double)NAN;
}

static void JNICALL java_limit_power(JNIEnv *env, jclass class, jlong address, jdouble watts, jdouble busy, jboolean saver,
                                     jobject source) {
  jni_session *session = bnc_jni_pointer(address);
  jobject meter = session->meter, wanted = source ? (*env)->NewGlobalRef(env, source) : NULL;
  bnc_power_settings settings = {.size = sizeof settings, .limit_watts = watts, .busy_watts = busy, .saver = saver, .user = session};
  (void)class;
  if (wanted) settings.joules = read_joules;
  const bnc_status status = bnc_session_limit_power(session->session, &settings);
  if (status == BNC_OK) session->meter = wanted;
  (*env)->DeleteGlobalRef(env, status == BNC_OK ? meter : wanted);
  check(env, session->session, status);
}

static void JNICALL java_power(JNIEnv *env, jclass class, jlong address, jdoubleArray numbers) {
  bnc_power_report r = {.size = sizeof r};
  (void)class;
  bnc_session_get_power(session_at(address), &r); /* it cannot fail with these */
  const jdouble n[] = {r.limit_watts, r.watts, r.paused_seconds, r.threads};
  (*env)->SetDoubleArrayRegion(env, numbers, 0, sizeof n / sizeof n[0], n);
}

typedef bnc_status text_call(bnc_session *session, const char *text);

static void with_text(JNIEnv *env, jlong address, jbyteArray text, text_call *call) {
  bnc_session *session = session_at(address);
  jboolean failed = JNI_FALSE;
  char *copy = bnc_jni_text(env, text, &failed);
  if (!failed) check(env, session, call(session, copy));
  free(copy);
}

#define TEXT_METHOD(name, call)                                                                                                            \
  static void JNICALL name(JNIEnv *env, jclass class, jlong address, jbyteArray text) {                                                    \
    (void)class;                                                                                                                           \
    with_text(env, address, text, call);                                                                                                   \
  }
TEXT_METHOD(java_add_file, bnc_session_add_image_file)
TEXT_METHOD(java_system, bnc_session_set_system)
TEXT_METHOD(java_ask, bnc_session_ask)
TEXT_METHOD(java_save, bnc_session_save)
TEXT_METHOD(java_restore, bnc_session_restore)

static void JNICALL java_add_bytes(JNIEnv *env, jclass class, jlong address, jbyteArray file) {
  bnc_session *session = session_at(address);
  (void)class;
  const jsize length = (*env)->GetArrayLength(env, file);
  jbyte *bytes = (*env)->GetByteArrayElements(env, file, NULL); /* vision takes seconds: too long to hold up the collector */
  if (!bytes) {
    bnc_jni_throw(env, BNC_ERROR_MEMORY, "out of memory for a picture");
    return;
  }
  const bnc_status status = bnc_session_add_image(session, bytes, (size_t)length);
  (*env)->ReleaseByteArrayElements(env, file, bytes, JNI_ABORT);
  check(env, session, status);
}

/* Java has seen to it that the buffer holds the picture. */
static void JNICALL java_add_buffer(JNIEnv *env, jclass class, jlong address, jobject buffer, jint offset, jint format, jint width,
                                    jint height, jint row_bytes) {
  bnc_session *session = session_at(address);
  bnc_pixels pixels;
  (void)class;
  const uint8_t *memory = (*env)->GetDirectBufferAddress(env, buffer);
  if (!memory) {
    bnc_jni_throw(env, BNC_ERROR_ARGUMENT, "the buffer's memory cannot be reached");
    return;
  }
  bnc_pixels_init(&pixels);
  pixels.format = (bnc_pixel_format)format;
  pixels.width = (uint32_t)width;
  pixels.height = (uint32_t)height;
  pixels.plane[0] = memory + offset;
  pixels.stride[0] = (size_t)row_bytes;
  check(env, session, bnc_session_add_pixels(session, &pixels));
}

typedef struct delivery {
  JNIEnv *env;
  jobject listener; /* or NULL */
} delivery;

static int on_text(void *user, int32_t id, const char *text, size_t length) {
  const delivery *d = user;
  JNIEnv *env = d->env;
  if (!d->listener) return 0;
  jbyteArray bytes = bnc_jni_bytes(env, text, length);
  if (!bytes) return 1;
  const jboolean goes_on = (*env)->CallStaticBooleanMethod(env, bnc_jni.session, bnc_jni.deliver, d->listener, (jint)id, bytes);
  const jboolean thrown = (*env)->ExceptionCheck(env); /* it stays pending, and comes out of generate */
  (*env)->DeleteLocalRef(env, bytes);
  return thrown || !goes_on;
}

/* Up to BNC_STOP_TEXTS of them into list, to be freed; how many there are. */
static size_t take_stops(JNIEnv *env, jobjectArray stops, char *list[BNC_STOP_TEXTS], jboolean *failed) {
  const jsize count = (*env)->GetArrayLength(env, stops);
  size_t taken = 0;
  if (count > BNC_STOP_TEXTS) {
    bnc_jni_throw(env, BNC_ERROR_ARGUMENT, "too many stop texts, expected at most 16");
    *failed = JNI_TRUE;
    return 0;
  }
  for (jsize i = 0; i < count && !*failed; i++) {
    jobject text = (*env)->GetObjectArrayElement(env, stops, i);
    list[taken++] = bnc_jni_text(env, text, failed);
    (*env)->DeleteLocalRef(env, text);
  }
  return taken;
}

static jint JNICALL java_generate(JNIEnv *env, jclass class, jlong address, jdouble temperature, jdouble top_p, jint top_k, jlong seed,
                                  jint max_tokens, jobjectArray stops, jboolean draft, jobject listener) {
  bnc_session *session = session_at(address);
  delivery to = {env, listener};
  char *stop[BNC_STOP_TEXTS];
  jboolean failed = JNI_FALSE;
  bnc_sampling sampling;
  bnc_finish finish = BNC_FINISH_CALLER;
  (void)class;
  if (top_k < 0 || max_tokens < 0) {
    bnc_jni_throw(env, BNC_ERROR_ARGUMENT, "topK or maxTokens is negative");
    return 0;
  }
  const size_t count = take_stops(env, stops, stop, &failed);
  bnc_sampling_init(&sampling);
  sampling.temperature = temperature;
  sampling.top_p = top_p;
  sampling.top_k = (uint32_t)top_k;
  sampling.seed = (uint64_t)seed;
  sampling.max_tokens = (uint32_t)max_tokens;
  sampling.stop = (const char *const *)stop;
  sampling.stop_count = count;
  sampling.draft = draft ? BNC_DRAFT_LOOKUP : BNC_DRAFT_NONE;
  if (!failed) check(env, session, bnc_session_generate(session, &sampling, on_text, &to, &finish));
  for (size_t i = 0; i < count; i++) free(stop[i]);
  return (jint)finish;
}

static void JNICALL java_stop(JNIEnv *env, jclass class, jlong address) {
  (void)env;
  (void)class;
  bnc_session_cancel(session_at(address));
}

static void JNICALL java_reset(JNIEnv *env, jclass class, jlong address) {
  (void)env;
  (void)class;
  bnc_session_reset(session_at(address));
}

static void JNICALL java_restart(JNIEnv *env, jclass class, jlong address) {
  (void)env;
  (void)class;
  bnc_session_restart(session_at(address));
}

static jint JNICALL java_rows(JNIEnv *env, jclass class, jlong address) {
  (void)env;
  (void)class;
  return (jint)bnc_session_rows(session_at(address));
}

static void JNICALL java_statistics(JNIEnv *env, jclass class, jlong address, jdoubleArray numbers) {
  bnc_statistics s = {.size = sizeof s};
  (void)class;
  bnc_session_get_statistics(session_at(address), &s); /* it cannot fail with these */
  const jdouble n[] = {s.load_seconds,         s.vision_seconds,        s.prefill_seconds,     s.decode_seconds,  (double)s.pictures,
                       (double)s.prefill_rows, (double)s.decode_tokens, (double)s.arena_bytes, (double)s.kv_bytes};
  (*env)->SetDoubleArrayRegion(env, numbers, 0, sizeof n / sizeof n[0], n);
}

#define METHOD(name, signature, function) {(char *)(uintptr_t)(name), (char *)(uintptr_t)(signature), (void *)(function)}
const JNINativeMethod bnc_jni_session_methods[] = {
    METHOD("create", "(JIIJ)J", java_create),
    METHOD("destroy", "(J)V", java_destroy),
    METHOD("addFile", "(J[B)V", java_add_file),
    METHOD("addBytes", "(J[B)V", java_add_bytes),
    METHOD("addBuffer", "(JLjava/nio/ByteBuffer;IIIII)V", java_add_buffer),
    METHOD("system", "(J[B)V", java_system),
    METHOD("ask", "(J[B)V", java_ask),
    METHOD("generate", "(JDDIJI[[BZLorg/binocle/TokenListener;)I", java_generate),
    METHOD("stop", "(J)V", java_stop),
    METHOD("save", "(J[B)V", java_save),
    METHOD("restore", "(J[B)V", java_restore),
    METHOD("reset", "(J)V", java_reset),
    METHOD("restart", "(J)V", java_restart),
    METHOD("rows", "(J)I", java_rows),
    METHOD("statistics", "(J[D)V", java_statistics),
    METHOD("limitPower", "(JDDZLorg/binocle/EnergySource;)V", java_limit_power),
    METHOD("power", "(J[D)V", java_power),
};
const jint bnc_jni_session_method_count = sizeof bnc_jni_session_methods / sizeof bnc_jni_session_methods[0];
