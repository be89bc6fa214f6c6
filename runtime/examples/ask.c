/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a model about a picture:   ask MODEL PICTURE QUESTION
 * Build it on an installed Binocle:   cc ask.c $(pkg-config --cflags --libs binocle) -o ask */
#include <binocle/binocle.h>
#include <stdio.h>

static int print_piece(void *user, int32_t id, const char *text, size_t length) {
  (void)user;
  (void)id;
  fwrite(text, 1, length, stdout);
  return fflush(stdout); /* anything but 0 stops the answer */
}

int main(int argc, char **argv) {
  bnc_context *context = NULL; /* settings and messages */
  bnc_model *model = NULL;     /* the mapped file, shared by its sessions */
  bnc_session *session = NULL; /* one conversation */
  if (argc != 4) {
    fprintf(stderr, "usage: ask MODEL PICTURE QUESTION\n");
    return 2;
  }
  bnc_status status = bnc_context_create(NULL, &context);
  if (status == BNC_OK) status = bnc_model_open(context, argv[1], &model);
  if (status == BNC_OK) status = bnc_session_create(model, &session);
  if (status != BNC_OK) {
    fprintf(stderr, "ask: %s\n", bnc_context_error(context));
  } else {
    status = bnc_session_add_image_file(session, argv[2]);
    if (status == BNC_OK) status = bnc_session_ask(session, argv[3]);
    if (status == BNC_OK) status = bnc_session_generate(session, NULL, print_piece, NULL, NULL);
    if (status == BNC_OK)
      putchar('\n');
    else
      fprintf(stderr, "ask: %s\n", bnc_session_error(session));
  }
  bnc_session_destroy(session); /* NULL is fine */
  bnc_model_close(model);
  bnc_context_destroy(context);
  return status == BNC_OK ? 0 : 1;
}
