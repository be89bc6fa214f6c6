# SPDX-License-Identifier: Apache-2.0
# CMake toolchain file of the ARM presets: Debian's cross compiler on Debian 12's glibc (build/sysroot/TARGET) and Debian 13's libraries
# (build/libraries/TARGET), so that what is built runs with any glibc from 2.34 on. toolchains/setup unpacks both.
#   BINOCLE_TARGET   arm64 or armhf
# Programs run through qemu-user. QEMU_CPU in the environment picks the CPU.
include(${CMAKE_CURRENT_LIST_DIR}/cmake/machine.cmake)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BINOCLE_TARGET)
if(BINOCLE_TARGET STREQUAL "arm64")
  set(_triplet aarch64-linux-gnu)
  set(_processor aarch64)
  set(_qemu qemu-aarch64)
elseif(BINOCLE_TARGET STREQUAL "armhf")
  set(_triplet arm-linux-gnueabihf)
  set(_processor armv7l)
  set(_qemu qemu-arm)
else()
  message(FATAL_ERROR "no cross compiler is known for '${BINOCLE_TARGET}', expected arm64 or armhf")
endif()
set(_sysroot "${BINOCLE_BUILDS}/sysroot/${BINOCLE_TARGET}")
binocle_use_libraries(${BINOCLE_TARGET})
if(NOT EXISTS "${_sysroot}/.complete" OR NOT BINOCLE_PRIVATE_LIBRARIES)
  message(FATAL_ERROR "'${_sysroot}' is no sysroot; toolchains/setup check prepares this machine")
endif()

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${_processor})
set(CMAKE_C_COMPILER ${_triplet}-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR ${_qemu} -L ${_sysroot})
set(CMAKE_LIBRARY_ARCHITECTURE ${_triplet})
set(CMAKE_SYSROOT ${_sysroot})
set(CMAKE_FIND_ROOT_PATH ${BINOCLE_PRIVATE_LIBRARIES} ${_sysroot})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

# The compiler's own headers, then the sysroot's: without -nostdinc and -B the cross compiler's own glibc would win silently, where it has one.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=include OUTPUT_VARIABLE _builtin OUTPUT_STRIP_TRAILING_WHITESPACE)
set(CMAKE_C_FLAGS_INIT
  "-nostdinc -isystem \"${_builtin}\" -isystem \"${_sysroot}/usr/include/${_triplet}\" -isystem \"${_sysroot}/usr/include\" -B\"${_sysroot}/usr/lib/${_triplet}\"")
foreach(_kind EXE SHARED MODULE)
  set(CMAKE_${_kind}_LINKER_FLAGS_INIT "-L\"${_sysroot}/usr/lib/${_triplet}\"")
endforeach()
