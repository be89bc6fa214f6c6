/* SPDX-License-Identifier: Apache-2.0 */
/* The memory plan as a picture. A panel per program: ops from left to right, bytes of the arena from bottom to top, a block per value in
   the colour of the op that made it; below, the parts of the model that the ops belong to. Pointing at a block names it. */
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/page.h"
#include "runtime/describe/blocks.h"
#include "runtime/describe/describe.h"
#include "runtime/describe/names.h"
#include "runtime/describe/palette.h"
#include "runtime/describe/svg.h"

#define WIDTH 1280
#define LEFT 86.0
#define PLOT_WIDTH 1170.0
#define PLOT_HEIGHT 270.0
#define PANEL 385
#define TOP 92
#define OPS_MAX 100000u /* a picture of more helps nobody */

typedef struct panel {
  bnc_page *p;
  const bnc_model_file *f;
  const bnc_program *program;
  bnc_program_id id;
  double x_scale, y_scale, top; /* pixels per op and per byte; of the plot */
} panel;

static double x_of(const panel *n, double op) { return LEFT + op * n->x_scale; }
static double y_of(const panel *n, double bytes) { return n->top + PLOT_HEIGHT - bytes * n->y_scale; }

static void draw_axes(const panel *n) {
  const bnc_file_program *h = n->program->head;
  const uint64_t y_step = (uint64_t)bnc_svg_step((double)h->arena_bytes, 5, 1), x_step = (uint64_t)bnc_svg_step(h->ops, 10, 1);
  for (uint64_t y = 0; y <= h->arena_bytes; y += y_step) {
    bnc_svg_line(n->p, "grid", LEFT, y_of(n, (double)y), LEFT + PLOT_WIDTH, y_of(n, (double)y));
    bnc_svg_open_text(n->p, "right", LEFT - 8, y_of(n, (double)y) + 4);
    bnc_page_bytes(n->p, y);
    bnc_page_print(n->p, "</text>\n");
  }
  for (uint64_t x = 0; x <= h->ops; x += x_step) {
    bnc_svg_line(n->p, "tick", x_of(n, (double)x), n->top + PLOT_HEIGHT, x_of(n, (double)x), n->top + PLOT_HEIGHT + 4);
    bnc_svg_open_text(n->p, "middle", x_of(n, (double)x), n->top + PLOT_HEIGHT + 17);
    bnc_page_print(n->p, "%llu</text>\n", (unsigned long long)x);
  }
  bnc_svg_open_text(n->p, "right", LEFT - 8, n->top + PLOT_HEIGHT + 17);
  bnc_page_print(n->p, "op</text>\n");
}

static void draw_block(const panel *n, const bnc_arena_block *b) {
  char name[BNC_NAME_SIZE];
  bool input = b->writer == UINT32_MAX;
  const bnc_file_op *op = input ? NULL : &n->program->op[b->writer];
  double width = (double)(b->last - b->first) * n->x_scale, height = (double)(b->end - b->offset) * n->y_scale;
  bnc_page_print(n->p, "<rect class=\"b g%d\"", input ? BNC_GROUPS : bnc_op_info_of(op->kind)->group);
  bnc_svg_attribute(n->p, "x", x_of(n, b->first));
  bnc_svg_attribute(n->p, "y", y_of(n, (double)b->end));
  bnc_svg_attribute(n->p, "width", width > 0.2 ? width : 0.2);
  bnc_svg_attribute(n->p, "height", height > 0.3 ? height : 0.3);
  bnc_page_print(n->p, "><title>%s: %s\n%s [%u, %u], ", input ? "input" : bnc_printable_name(n->f, op->name, name),
                 input ? "" : bnc_op_info_of(op->kind)->name, bnc_element_name(b->value.element), b->value.rows, b->value.cols);
  bnc_page_bytes(n->p, b->end - b->offset);
  bnc_page_print(n->p, " at %llu\nops %u to %u</title></rect>\n", (unsigned long long)b->offset, b->first, b->last ? b->last - 1 : 0);
}

static size_t part_length(const char *name) { return strcspn(name, "."); }

/* "crop0", "layer12", "dem": runs of ops whose names begin alike. */
static void draw_parts(const panel *n) {
  const bnc_file_program *h = n->program->head;
  char name[BNC_NAME_SIZE], next[BNC_NAME_SIZE];
  double y = n->top + PLOT_HEIGHT + 26;
  for (uint32_t from = 0, to, odd = 0; from < h->ops; from = to, odd ^= 1u) {
    size_t length = part_length(bnc_printable_name(n->f, n->program->op[from].name, name));
    for (to = from + 1; to < h->ops; to++) {
      bnc_printable_name(n->f, n->program->op[to].name, next);
      if (part_length(next) != length || memcmp(name, next, length) != 0) break;
    }
    double width = (to - from) * n->x_scale;
    bnc_page_print(n->p, "<rect class=\"part%u\"", odd);
    bnc_svg_attribute(n->p, "x", x_of(n, from));
    bnc_svg_attribute(n->p, "y", y);
    bnc_svg_attribute(n->p, "width", width);
    bnc_page_print(n->p, " height=\"18\"><title>%.*s: ops %u to %u</title></rect>\n", (int)length, name, from, to - 1);
    if (width < 7.0 * (double)length + 4) continue;
    bnc_svg_open_text(n->p, "middle part", x_of(n, from) + width / 2, y + 13);
    bnc_page_print(n->p, "%.*s</text>\n", (int)length, name);
  }
}

static bnc_status draw_panel(panel *n, bnc_error *err) {
  const bnc_file_program *h = n->program->head;
  bnc_arena_block *blocks;
  size_t count;
  if (h->ops > OPS_MAX)
    return bnc_fail(err, BNC_ERROR_LIMIT, "program %s has %u ops, expected at most %u to draw", bnc_program_name(n->id), h->ops, OPS_MAX);
  bnc_status s = bnc_arena_blocks(n->program, &blocks, &count, err);
  if (s != BNC_OK) return s;
  n->x_scale = PLOT_WIDTH / (h->ops ? h->ops : 1);
  n->y_scale = PLOT_HEIGHT / (double)(h->arena_bytes ? h->arena_bytes : 1);
  bnc_svg_open_text(n->p, "title", LEFT, n->top - 14);
  bnc_page_print(n->p, "%s: %u ops, arena ", bnc_program_name(n->id), h->ops);
  bnc_page_bytes(n->p, h->arena_bytes);
  bnc_page_print(n->p, ", at most ");
  bnc_page_bytes(n->p, h->live_bytes);
  bnc_page_print(n->p, " live at once</text>\n<rect class=\"plot\"");
  bnc_svg_attribute(n->p, "x", LEFT);
  bnc_svg_attribute(n->p, "y", n->top);
  bnc_svg_attribute(n->p, "width", PLOT_WIDTH);
  bnc_svg_attribute(n->p, "height", PLOT_HEIGHT);
  bnc_page_print(n->p, "/>\n");
  draw_axes(n);
  for (size_t i = 0; i < count && !n->p->failed; i++) draw_block(n, &blocks[i]);
  bnc_svg_line(n->p, "bound", LEFT, y_of(n, (double)h->live_bytes), LEFT + PLOT_WIDTH, y_of(n, (double)h->live_bytes));
  draw_parts(n);
  bnc_mem_free(blocks);
  return BNC_OK;
}

static void draw_head(bnc_page *p, const bnc_model_file *f, int panels) {
  char name[BNC_NAME_SIZE];
  int height = TOP + panels * PANEL;
  bnc_svg_open(
      p, WIDTH, height,
      ".part { font-size: 11px }\n.bound { stroke: #c0392b; stroke-dasharray: 6 4 }\n.part0 { fill: #e4e4e0 }\n.part1 { fill: #d2d2cc }\n"
      ".b { stroke: #fff; stroke-width: 0.4; stroke-opacity: 0.8 }\n.b:hover { stroke: #000; stroke-width: 1.2 }\n",
      ".bound { stroke: #ff7b6b } .part0 { fill: #33332f } .part1 { fill: #44443e } .b { stroke: #161616 } .b:hover { stroke: #fff }\n");
  bnc_svg_open_text(p, "title", LEFT, 26);
  bnc_page_print(p, "Memory plan%s%s: who lives where in the arena, and from which op to which</text>\n", f->meta.name ? " of " : "",
                 f->meta.name ? bnc_printable_name(f, f->meta.name, name) : "");
  double x = LEFT;
  for (int g = 0; g <= BNC_GROUPS; g++) {
    bnc_page_print(p, "<rect class=\"g%d\"", g);
    bnc_svg_attribute(p, "x", x);
    bnc_page_print(p, " y=\"38\" width=\"12\" height=\"12\"/>\n");
    bnc_svg_open_text(p, "legend", x + 17, 48);
    bnc_page_print(p, "%s</text>\n", bnc_palette_of((unsigned)g)->name);
    x += 38 + 6.6 * (double)strlen(bnc_palette_of((unsigned)g)->name);
  }
  bnc_svg_line(p, "bound", x, 44, x + 24, 44);
  bnc_svg_open_text(p, "legend", x + 30, 48);
  bnc_page_print(p, "most that is live at once</text>\n");
}

bnc_status bnc_describe_memory_svg(const bnc_model_file *f, char **svg, bnc_error *err) {
  bnc_page p = {0};
  int panels = 0;
  bnc_status s = BNC_OK;
  *svg = NULL;
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) panels += f->program[id].head != NULL;
  draw_head(&p, f, panels);
  panels = 0;
  for (bnc_program_id id = 0; s == BNC_OK && id < BNC_PROGRAMS; id++) {
    if (!f->program[id].head) continue;
    panel n = {.p = &p, .f = f, .program = &f->program[id], .id = id, .top = TOP + PANEL * panels++};
    s = draw_panel(&n, err);
  }
  bnc_page_print(&p, "</svg>\n");
  if (s == BNC_OK) return bnc_page_finish(&p, svg, err);
  bnc_mem_free(p.text);
  return s;
}
