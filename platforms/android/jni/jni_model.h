/* SPDX-License-Identifier: Apache-2.0 */
/** @file jni_model.h  What an org.binocle.Model has natively. */
#ifndef BINOCLE_PLATFORMS_ANDROID_JNI_JNI_MODEL_H
#define BINOCLE_PLATFORMS_ANDROID_JNI_JNI_MODEL_H

#include <binocle/binocle.h>
#include <jni.h>

typedef struct bnc_jni_model {
  bnc_context *context;
  bnc_model *model;
  jobject logger; /* global reference, or NULL */
} bnc_jni_model;

#endif
