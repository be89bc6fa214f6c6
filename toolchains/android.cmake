# SPDX-License-Identifier: Apache-2.0
# CMake toolchain file of the preset android-arm64: the NDK's own for arm64-v8a and Android 10, and the libraries that Binocle is built on,
# which have to be built for Android first (platforms/android/README.md).
#   ANDROID_NDK (environment)                 the NDK's folder
#   BINOCLE_ANDROID_LIBRARIES (environment)   the prefix of those libraries
if(NOT EXISTS "$ENV{ANDROID_NDK}/build/cmake/android.toolchain.cmake")
  message(FATAL_ERROR "ANDROID_NDK is '$ENV{ANDROID_NDK}', expected the folder of an Android NDK, r27 or newer")
endif()
if(NOT EXISTS "$ENV{BINOCLE_ANDROID_LIBRARIES}/include/xnnpack.h")
  message(FATAL_ERROR "BINOCLE_ANDROID_LIBRARIES is '$ENV{BINOCLE_ANDROID_LIBRARIES}', expected a folder with include/xnnpack.h and the other libraries for arm64-v8a")
endif()
set(ANDROID_ABI arm64-v8a)
set(ANDROID_PLATFORM android-29)
set(ANDROID_STL none)
list(APPEND CMAKE_FIND_ROOT_PATH "$ENV{BINOCLE_ANDROID_LIBRARIES}")
include("$ENV{ANDROID_NDK}/build/cmake/android.toolchain.cmake")
