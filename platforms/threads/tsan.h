/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file tsan.h  Tells ThreadSanitizer what pthreadpool orders, which it cannot see: the pool's library is built without it.
 * What comes before BNC_TSAN_RELEASE(address) happened for whoever passes BNC_TSAN_ACQUIRE(address) later. Nothing in other builds.
 */
#ifndef BINOCLE_PLATFORMS_THREADS_TSAN_H
#define BINOCLE_PLATFORMS_THREADS_TSAN_H

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define BNC_TSAN_RELEASE(address) __tsan_release((void *)(address))
#define BNC_TSAN_ACQUIRE(address) __tsan_acquire((void *)(address))
#else
#define BNC_TSAN_RELEASE(address) ((void)(address))
#define BNC_TSAN_ACQUIRE(address) ((void)(address))
#endif

#endif
