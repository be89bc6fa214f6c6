# SPDX-License-Identifier: Apache-2.0
"""llama.cpp as llama-cpp-python brings it: built on this machine for its CPU, with llamafile's kernels. Whole models; it has no 4 layers by themselves."""
import ctypes
import os
import sys

import peer_models

# This folder has a llama_cpp.py of its own, by the package's name.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]

SETTINGS = {"tile int8": ["q8_0"], "tile f32": ["f16"], "prefill": ["q4_0"], "decode": ["q4_0"]}
QUALITY = {"tile int8": "8 bits in groups of 32, activations dynamic in groups of 32", "tile f32": "f16 weights", "q4_0": "4 bits, groups of 32, head too"}
WHOLE = True


def version():
    import llama_cpp
    return llama_cpp.__version__


def prepare(folder, small):
    names = ("llama-1-layer.gguf", "vit-l-f16.gguf", "vit-l-q8_0.gguf", "tile.png")
    peer_models.make(os.path.join(os.path.dirname(os.path.abspath(folder)), "models"), names if small else (*names, "llama-3-8b-q4_0.gguf"))


class Peer:
    def __init__(self, folder, threads, small):
        self.models, self.threads = os.path.join(os.path.dirname(os.path.abspath(folder)), "models"), threads
        self.text_file = "llama-1-layer.gguf" if small else "llama-3-8b-q4_0.gguf"
        self.llama, self.towers = {}, {}

    def text(self, name):
        import llama_cpp
        if name not in self.llama:
            self.llama[name] = llama_cpp.Llama(os.path.join(self.models, name), n_ctx=1024, n_batch=1024, n_ubatch=1024, n_threads=self.threads,
                                               n_threads_batch=self.threads, verbose=False)
        return self.llama[name]

    def tower(self, kind):
        import llama_cpp
        from llama_cpp import mtmd_cpp as m
        if kind not in self.towers:
            settings = m.mtmd_context_params_default()
            settings.use_gpu, settings.n_threads, settings.print_timings = False, self.threads, False
            model = self.text("llama-1-layer.gguf").model
            context = m.mtmd_init_from_file(os.path.join(self.models, f"vit-l-{kind}.gguf").encode(), model, settings)
            pixels = os.urandom(336 * 336 * 3)
            bitmap = m.mtmd_bitmap_init(336, 336, (ctypes.c_uint8 * len(pixels)).from_buffer_copy(pixels))
            words = m.mtmd_default_marker()
            text = m.mtmd_input_text()
            text.text, text.add_special, text.parse_special = words, True, True
            if hasattr(text, "text_len"):
                text.text_len = len(words)
            chunks = m.mtmd_input_chunks_init()
            bitmaps = (m.mtmd_bitmap_p_ctypes * 1)(bitmap)
            if m.mtmd_tokenize(context, chunks, ctypes.byref(text), bitmaps, 1) != 0:
                raise RuntimeError("llama.cpp does not take the picture")
            all_chunks = [m.mtmd_input_chunks_get(chunks, i) for i in range(m.mtmd_input_chunks_size(chunks))]
            picture = max(all_chunks, key=m.mtmd_input_chunk_get_n_tokens)
            assert llama_cpp and m.mtmd_input_chunk_get_n_tokens(picture) == 576
            self.towers[kind] = context, picture, chunks, bitmap
        return self.towers[kind]

    def work(self, what, setting, rows, past):
        if what.startswith("tile"):
            from llama_cpp import mtmd_cpp as m
            context, picture, *_ = self.tower(setting)

            def encode():
                if m.mtmd_encode_chunk(context, picture) != 0:
                    raise RuntimeError("llama.cpp failed to encode")
            return encode
        llama = self.text(self.text_file)

        def forget():
            llama.reset()
            llama._ctx.kv_cache_clear()
        forget()
        if past:
            llama.eval([i * 37 % 1000 for i in range(past)])
            return lambda: llama.eval([17])

        def prefill():
            forget()
            llama.eval([i * 37 % 1000 for i in range(rows)])
        return prefill
