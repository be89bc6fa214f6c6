# SPDX-License-Identifier: Apache-2.0
# Files as bytes of a C source: FILE.ext of SOURCES becomes `const unsigned char SYMBOL_ext[]`, a NUL behind its bytes.
#   cmake -DOUTPUT=page.c -DHEADER=folder/page.h -DSYMBOL=bnc_page "-DSOURCES=page.html;page.css" -P embed.cmake
set(text "/* Made by the build. */\n#include \"${HEADER}\"\n")
foreach(source IN LISTS SOURCES)
  get_filename_component(extension ${source} EXT)
  string(SUBSTRING ${extension} 1 -1 extension)
  file(READ ${source} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(APPEND text "const unsigned char ${SYMBOL}_${extension}[] = {${bytes}0};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
