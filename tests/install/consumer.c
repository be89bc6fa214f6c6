/* SPDX-License-Identifier: Apache-2.0 */
/* A user's program against the installed library. The same file is compiled as C99 and as C++. */
#include <binocle/status.h>
#include <binocle/version.h>
#include <stdio.h>

int main(void) {
  printf("%s %d\n", bnc_version(), (int)BNC_OK);
  return 0;
}
