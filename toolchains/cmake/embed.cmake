# SPDX-License-Identifier: Apache-2.0
# Files as bytes of a C source: those of SOURCES that end with .ext become `const unsigned char SYMBOL_ext[]`, one behind the other, and a NUL.
#   cmake -DOUTPUT=page.c -DHEADER=folder/page.h -DSYMBOL=bnc_page "-DSOURCES=page.html;page.css" -P embed.cmake
set(extensions "")
foreach(source IN LISTS SOURCES)
  get_filename_component(extension ${source} EXT)
  string(SUBSTRING ${extension} 1 -1 extension)
  list(APPEND extensions ${extension})
  file(READ ${source} hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(APPEND bytes_${extension} "${bytes}")
endforeach()
list(REMOVE_DUPLICATES extensions)
set(text "/* Made by the build. */\n#include \"${HEADER}\"\n")
foreach(extension IN LISTS extensions)
  string(APPEND text "const unsigned char ${SYMBOL}_${extension}[] = {${bytes_${extension}}0};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
