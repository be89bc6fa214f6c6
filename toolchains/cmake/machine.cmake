# SPDX-License-Identifier: Apache-2.0
# BINOCLE_MACHINE: Debian's name for the architecture that this machine runs. BINOCLE_SYSROOTS: where toolchains/setup puts sysroots.
execute_process(COMMAND uname -m OUTPUT_VARIABLE BINOCLE_MACHINE OUTPUT_STRIP_TRAILING_WHITESPACE)
string(REGEX REPLACE "^x86_64$" "amd64" BINOCLE_MACHINE "${BINOCLE_MACHINE}")
string(REGEX REPLACE "^aarch64$" "arm64" BINOCLE_MACHINE "${BINOCLE_MACHINE}")
string(REGEX REPLACE "^armv[78].*$" "armhf" BINOCLE_MACHINE "${BINOCLE_MACHINE}")
get_filename_component(BINOCLE_SYSROOTS "${CMAKE_CURRENT_LIST_DIR}/../../build/sysroot" ABSOLUTE)
