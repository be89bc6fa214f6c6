/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file kernels_table.h  Which kernel fills which slot of bnc_kernels, and which levels above scalar have one of their own (x); without one
 * (_), a level uses what the level below it does. Scalar has all. tests/house/kernels.py compares the rows with what the files define, and
 * with the table in ops/README.md.
 */
#ifndef BINOCLE_OPS_KERNELS_TABLE_H
#define BINOCLE_OPS_KERNELS_TABLE_H

/* clang-format off */
#define BNC_KERNEL_TABLE(K)                                                         \
  /* slot                     kernel               avx2 avx512vnni avx512bf16 amx neon dotprod i8mm bf16 */ \
  K(activate.gelu_f32,        gelu_f32,            x,   x,         _,         _,  x,   _,      _,    _)  \
  K(activate.gelu_qd8,        gelu_qd8,            x,   x,         _,         _,  x,   _,      _,    _)  \
  K(activate.quick_gelu_f32,  quick_gelu_f32,      x,   x,         _,         _,  x,   _,      _,    _)  \
  K(activate.quick_gelu_qd8,  quick_gelu_qd8,      x,   x,         _,         _,  x,   _,      _,    _)  \
  K(activate.silu_mul_f32,    silu_mul_f32,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(activate.silu_mul_qd8,    silu_mul_qd8,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(add.add_f32,              add_f32,             x,   x,         _,         _,  x,   _,      _,    _)  \
  K(add.mean2_f32,            mean2_f32,           x,   x,         _,         _,  x,   _,      _,    _)  \
  K(attention.rows_f32,       attention_rows_f32,  x,   x,         _,         _,  x,   _,      _,    _)  \
  K(attention.rows_i8,        attention_rows_i8,   x,   x,         _,         x,  x,   x,      x,    _)  \
  K(attention.rows_bf16,      attention_rows_bf16, _,   _,         x,         _,  _,   _,      _,    _)  \
  K(attention.cache_f32,      attention_cache_f32, x,   x,         _,         _,  x,   _,      _,    _)  \
  K(attention.cache_f16,      attention_cache_f16, x,   x,         _,         _,  x,   _,      _,    _)  \
  K(attention.cache_i8,       attention_cache_i8,  x,   x,         _,         _,  x,   _,      _,    _)  \
  K(checksum.xxh3,           checksum_xxh3,       x,   x,         _,         _,  x,   _,      _,    _)  \
  K(embed.f32,                embed_f32,           _,   _,         _,         _,  _,   _,      _,    _)  \
  K(embed.i8,                 embed_i8,            x,   x,         _,         _,  x,   _,      _,    _)  \
  K(embed.bf16,               embed_bf16,          _,   _,         _,         _,  _,   _,      _,    _)  \
  K(embed.c4,                 embed_c4,            _,   _,         _,         _,  _,   _,      _,    _)  \
  K(gather.gather_taps_f32,   gather_taps_f32,     x,   x,         _,         _,  x,   _,      _,    _)  \
  K(gather.gather_f32,        gather_f32,          _,   _,         _,         _,  _,   _,      _,    _)  \
  K(hadamard.f32,            hadamard_f32,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(kv_append.f32,            kv_append_f32,       x,   x,         _,         _,  x,   _,      _,    _)  \
  K(kv_append.f16,            kv_append_f16,       x,   x,         _,         _,  x,   _,      _,    _)  \
  K(kv_append.i8,             kv_append_i8,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(limits.int8,              limits_int8,         x,   x,         _,         x,  x,   x,      x,    _)  \
  K(limits.bf16,              limits_bf16,         x,   x,         x,         x,  x,   _,      _,    x)  \
  K(limits.flops,             limits_flops,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(limits.read,              limits_read,         x,   x,         _,         _,  x,   _,      _,    _)  \
  K(matmul.sums,              matmul_sums,         x,   _,         _,         _,  _,   _,      _,    _)  \
  K(matmul.lay,               matmul_lay,          _,   _,         _,         x,  _,   _,      _,    _)  \
  K(matmul.tiles,             matmul_tiles,        _,   _,         _,         x,  _,   _,      _,    _)  \
  K(matmul.tiles_bf16,        matmul_tiles_bf16,   _,   _,         _,         x,  _,   _,      _,    _)  \
  K(matmul.bf16,              matmul_bf16,         x,   x,         x,         x,  x,   _,      _,    x)  \
  K(matmul.c4,                matmul_c4,           x,   x,         _,         x,  x,   x,      x,    _)  \
  K(matmul.f32,              matmul_f32,          x,   x,         _,         _,  x,   _,      _,    _)  \
  K(matmul.i4,                matmul_i4,           x,   x,         _,         _,  x,   x,      x,    _)  \
  K(matmul.i8,                matmul_i8,           x,   x,         _,         x,  x,   x,      x,    _)  \
  K(norm.layer_f32,           layer_norm_f32,      x,   x,         _,         _,  x,   _,      _,    _)  \
  K(norm.layer_qd8,           layer_norm_qd8,      x,   x,         _,         _,  x,   _,      _,    _)  \
  K(norm.rms_f32,             rms_norm_f32,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(norm.rms_qd8,             rms_norm_qd8,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(outer.product,            outer_product,       x,   x,         _,         _,  x,   _,      _,    _)  \
  K(patches.u8,               patches_u8,          _,   x,         _,         _,  _,   _,      _,    _)  \
  K(patches.f32,              patches_f32,         _,   _,         _,         _,  _,   _,      _,    _)  \
  K(patches.qd8,              patches_qd8,         x,   x,         _,         _,  x,   _,      _,    _)  \
  K(quantize.qd8,             quantize_qd8,        x,   x,         _,         _,  x,   _,      _,    _)  \
  K(resample.rows_u8,         resample_rows_u8,    x,   x,         _,         _,  x,   _,      _,    _)  \
  K(resample.columns_u8,      resample_columns_u8, x,   x,         _,         _,  x,   _,      _,    _)  \
  K(rope.f32,                 rope_f32,            x,   x,         _,         _,  x,   _,      _,    _)
/* clang-format on */

#endif
