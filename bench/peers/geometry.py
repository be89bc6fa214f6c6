# SPDX-License-Identifier: Apache-2.0
"""The sizes that are raced: CLIP ViT-L/14-336 with LLaVA-1.5's projector (23 layers of it run), four layers of LLaMA-3-8B and its head; and small ones
to try the scripts with."""

TOWER = dict(width=1024, heads=16, mlp=4096, layers=23, patch=14, grid=24, out=4096)
TEXT = dict(width=4096, heads=32, kv=8, head=128, ffn=14336, layers=4, vocabulary=128256)
SMALL_TOWER = dict(TOWER, width=64, heads=2, mlp=128, layers=2, grid=4, out=64)
SMALL_TEXT = dict(TEXT, width=256, heads=4, kv=2, head=64, ffn=512, layers=2, vocabulary=1024)
