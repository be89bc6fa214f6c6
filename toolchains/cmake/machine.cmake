# SPDX-License-Identifier: Apache-2.0
# BINOCLE_MACHINE: Debian's name for what this machine's programs are made for, which its kernel need not tell (64 bits under 32-bit programs).
# binocle_use_libraries(ARCH): the build takes the libraries that toolchains/setup has unpacked for ARCH, where it has.
execute_process(COMMAND dpkg --print-architecture OUTPUT_VARIABLE BINOCLE_MACHINE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
get_filename_component(BINOCLE_BUILDS "${CMAKE_CURRENT_LIST_DIR}/../../build" ABSOLUTE)

macro(binocle_use_libraries arch)
  if(EXISTS "${BINOCLE_BUILDS}/libraries/${arch}/shipped")
    set(BINOCLE_PRIVATE_LIBRARIES "${BINOCLE_BUILDS}/libraries/${arch}")
    list(PREPEND CMAKE_PREFIX_PATH "${BINOCLE_PRIVATE_LIBRARIES}/usr")
  endif()
endmacro()
