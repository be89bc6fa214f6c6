# SPDX-License-Identifier: Apache-2.0
# Warnings are errors, for every target of ours.
add_compile_options(-Wall -Wextra -Wundef -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wconversion -Wno-sign-conversion
  -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Werror)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-format-truncation)
endif()
# Floating point: what the source says and no more, so that every level and every compiler computes the same.
add_compile_options(-ffp-contract=off -fno-math-errno)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
# The same sources give the same bytes in any folder: no path of this one gets into them.
add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
if(BINOCLE_SANITIZE)
  add_compile_options(-fsanitize=${BINOCLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BINOCLE_SANITIZE})
  add_compile_definitions(BINOCLE_SANITIZED) # ops/inline.h
endif()
if(BINOCLE_SANITIZE MATCHES "address")
  add_compile_definitions(BINOCLE_EXACT_BLOCKS) # platforms/base/mem.c
endif()
if(BINOCLE_HARDENED)
  add_compile_options(-fstack-protector-strong)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()
if(BINOCLE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
