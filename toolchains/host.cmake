# SPDX-License-Identifier: Apache-2.0
# CMake toolchain file of the host presets. Where toolchains/setup has unpacked a Debian 13 sysroot (its libraries are newer
# than the system's), the build uses that; else it uses the system's own libraries.
include(${CMAKE_CURRENT_LIST_DIR}/cmake/machine.cmake)
if(NOT BINOCLE_SYSROOT AND EXISTS "${BINOCLE_SYSROOTS}/${BINOCLE_MACHINE}/.complete")
  set(BINOCLE_SYSROOT "${BINOCLE_SYSROOTS}/${BINOCLE_MACHINE}")
endif()
if(BINOCLE_SYSROOT)
  include(${CMAKE_CURRENT_LIST_DIR}/debian13.cmake)
endif()
