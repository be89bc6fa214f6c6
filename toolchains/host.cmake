# SPDX-License-Identifier: Apache-2.0
# CMake toolchain file of the host presets: the system's compiler and glibc; the libraries are the system's, or those of Debian 13 where
# toolchains/setup has unpacked them since the system's are older.
include(${CMAKE_CURRENT_LIST_DIR}/cmake/machine.cmake)
binocle_use_libraries(${BINOCLE_MACHINE})
# A 32-bit userland under a 64-bit kernel.
if(BINOCLE_MACHINE STREQUAL "armhf")
  set(CMAKE_SYSTEM_PROCESSOR armv7l)
endif()
