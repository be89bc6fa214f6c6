# SPDX-License-Identifier: Apache-2.0
# Warnings are errors, for every target of ours.
add_compile_options(-Wall -Wextra -Wundef -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wconversion -Wno-sign-conversion
  -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wno-format-truncation -Werror)
# Floating point: what the source says and no more, so that every level and every compiler computes the same.
add_compile_options(-ffp-contract=off -fno-math-errno)
add_compile_definitions(_GNU_SOURCE)
if(BINOCLE_SANITIZE)
  add_compile_options(-fsanitize=${BINOCLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BINOCLE_SANITIZE})
endif()
