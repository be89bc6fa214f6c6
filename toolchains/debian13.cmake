# SPDX-License-Identifier: Apache-2.0
# CMake toolchain file: compiles against a private Debian 13 sysroot that toolchains/sysroot unpacks, for this machine or for ARM.
#   BINOCLE_TARGET   amd64, arm64 or armhf; this machine's own where it is not set
#   BINOCLE_SYSROOT  the sysroot; build/sysroot/TARGET where it is not set
# Programs run through the sysroot's own loader and libraries, on a foreign machine through qemu-user. QEMU_CPU in the environment picks the CPU.
include(${CMAKE_CURRENT_LIST_DIR}/cmake/machine.cmake)
if(NOT BINOCLE_TARGET)
  set(BINOCLE_TARGET "${BINOCLE_MACHINE}")
endif()
if(NOT BINOCLE_SYSROOT)
  set(BINOCLE_SYSROOT "${BINOCLE_SYSROOTS}/${BINOCLE_TARGET}")
endif()
if(NOT EXISTS "${BINOCLE_SYSROOT}/.complete")
  message(FATAL_ERROR "'${BINOCLE_SYSROOT}' is no sysroot; toolchains/setup prepares this machine, toolchains/sysroot ARCH DIR makes a single one")
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BINOCLE_SYSROOT BINOCLE_TARGET)

if(BINOCLE_TARGET STREQUAL "amd64")
  set(_triplet x86_64-linux-gnu)
  set(_loader lib64/ld-linux-x86-64.so.2)
  set(_processor x86_64)
elseif(BINOCLE_TARGET STREQUAL "arm64")
  set(_triplet aarch64-linux-gnu)
  set(_loader lib/ld-linux-aarch64.so.1)
  set(_processor aarch64)
elseif(BINOCLE_TARGET STREQUAL "armhf")
  set(_triplet arm-linux-gnueabihf)
  set(_loader lib/ld-linux-armhf.so.3)
  set(_processor armv7l)
else()
  message(FATAL_ERROR "no Debian 13 sysroot for '${BINOCLE_TARGET}', expected amd64, arm64 or armhf")
endif()

if(NOT BINOCLE_TARGET STREQUAL BINOCLE_MACHINE)
  set(CMAKE_SYSTEM_NAME Linux)
  set(CMAKE_SYSTEM_PROCESSOR ${_processor})
  set(CMAKE_C_COMPILER ${_triplet}-gcc)
  string(REPLACE armv7l arm _qemu ${_processor})
  set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${_qemu} -L ${BINOCLE_SYSROOT})
elseif(NOT CMAKE_C_COMPILER)
  set(CMAKE_C_COMPILER cc)
endif()

set(_lib ${BINOCLE_SYSROOT}/usr/lib/${_triplet})
set(CMAKE_SYSROOT ${BINOCLE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH ${BINOCLE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_LIBRARY_ARCHITECTURE ${_triplet})

# The compiler's own headers, then the sysroot's: without -nostdinc the compiler's libc headers would win silently.
execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=include OUTPUT_VARIABLE _builtin OUTPUT_STRIP_TRAILING_WHITESPACE)
set(CMAKE_C_FLAGS_INIT
  "-nostdinc -isystem \"${_builtin}\" -isystem \"${BINOCLE_SYSROOT}/usr/include/${_triplet}\" -isystem \"${BINOCLE_SYSROOT}/usr/include\" -B\"${_lib}\"")
# What a program needs at link time to find and run on the sysroot's libraries. DT_RPATH, since RUNPATH does not reach the libraries of libraries.
set(BINOCLE_SYSROOT_LINK_FLAGS "-L\"${_lib}\" -Wl,--disable-new-dtags \"-Wl,-rpath,${_lib}\"")
set(BINOCLE_SYSROOT_LOADER_FLAG "\"-Wl,--dynamic-linker=${BINOCLE_SYSROOT}/${_loader}\"")
foreach(_kind EXE SHARED MODULE)
  set(CMAKE_${_kind}_LINKER_FLAGS_INIT "${BINOCLE_SYSROOT_LINK_FLAGS}")
endforeach()
string(APPEND CMAKE_EXE_LINKER_FLAGS_INIT " ${BINOCLE_SYSROOT_LOADER_FLAG}")
if(CMAKE_C_COMPILER MATCHES "clang")
  # The sysroot holds no compiler: clang takes libgcc and libFuzzer's libstdc++ from the system's gcc.
  string(APPEND CMAKE_C_FLAGS_INIT " --gcc-toolchain=/usr -Qunused-arguments")
endif()
