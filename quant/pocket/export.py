# SPDX-License-Identifier: Apache-2.0
"""Writes the trained state as a checkpoint in the released layout: bf16 safetensors, index, configs, tokenizer.json.

    python3 export.py --state DIR -o checkpoint
    python3 export.py --state DIR --mean OLD --share 0.8 -o checkpoint      of the way from the checkpoint OLD that all began with
"""

import argparse
import json
import os

import torch
from safetensors.torch import save_file

import tokenizer
import train_ask
from model import InfLlava, default_config
from parity import load_checkpoint


def trained(folder):
    """The newest weights of a state folder: of stage settle, else of shift, of tune, of ask, of talk and fuse."""
    where = torch.device("cpu")
    for path in (os.path.join(folder, stage + ".pt") for stage in ("settle", "shift", "tune")):
        if os.path.exists(path):
            model = InfLlava(default_config())
            model.load_state_dict(torch.load(path, map_location=where)["model"])
            return model
    model, path = train_ask.joined(folder, where), os.path.join(folder, "ask.pt")
    if os.path.exists(path):
        asked = torch.load(path, map_location=where)["language"]
        torch.nn.ModuleList([train_ask.language_of(model), model.model.mm_projector]).load_state_dict(asked)
    return model


def configuration(cfg, tok):
    """config.json with the keys of the released checkpoint."""
    return {
        "architectures": ["LlavaLlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
        "bos_token_id": tok.token_to_id("<|begin_of_text|>"), "eos_token_id": tok.token_to_id("<|eot_id|>"),
        "freeze_mm_mlp_adapter": False, "hidden_act": "silu", "hidden_size": cfg["hidden_size"],
        "image_aspect_ratio": "pad", "initializer_range": 0.02, "intermediate_size": cfg["intermediate_size"],
        "max_position_embeddings": 8192, "mm_hidden_size": cfg["mm_hidden_size"], "mm_patch_merge_type": "flat",
        "mm_projector_lr": None, "mm_projector_type": "mlp2x_gelu", "mm_use_im_patch_token": False,
        "mm_use_im_start_end": False, "mm_vision_select_feature": "patch",
        "mm_vision_select_layer": cfg["mm_vision_select_layer"],
        "mm_vision_tower": "openai/clip-vit-large-patch14-336", "model_type": "llava_llama",
        "num_attention_heads": cfg["num_attention_heads"], "num_hidden_layers": cfg["num_hidden_layers"],
        "num_key_value_heads": cfg["num_key_value_heads"], "pad_token_id": cfg["vocab_size"] - 1, "pretraining_tp": 1,
        "rms_norm_eps": cfg["rms_norm_eps"], "rope_scaling": None, "rope_theta": cfg["rope_theta"],
        "tie_word_embeddings": False, "tokenizer_model_max_length": 2048, "tokenizer_padding_side": "right",
        "torch_dtype": "bfloat16", "transformers_version": "4.37.2", "tune_mm_mlp_adapter": False, "use_cache": True,
        "use_mm_proj": True, "vision_config": {"num_attention_heads": cfg["mm_hidden_size"] // 64}, "vocab_size": cfg["vocab_size"],
    }


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(value, out, indent=2)
        out.write("\n")


def export(model, folder):
    os.makedirs(folder, exist_ok=True)
    tensors = {k: v.detach().to(torch.bfloat16).contiguous() for k, v in model.state_dict().items()}
    name = "model-00001-of-00001.safetensors"
    save_file(tensors, os.path.join(folder, name), metadata={"format": "pt"})
    os.chmod(os.path.join(folder, name), 0o644)
    size = sum(t.numel() * 2 for t in tensors.values())
    write_json(os.path.join(folder, "model.safetensors.index.json"),
               {"metadata": {"total_size": size}, "weight_map": {k: name for k in sorted(tensors)}})
    tokenizer.write(os.path.join(folder, "tokenizer.json"))
    config = configuration(model.cfg, tokenizer.build())
    write_json(os.path.join(folder, "config.json"), config)
    write_json(os.path.join(folder, "generation_config.json"),
               {"_from_model_config": True, "bos_token_id": config["bos_token_id"],
                "eos_token_id": config["eos_token_id"], "transformers_version": "4.37.2"})
    print(f"{len(tensors)} tensors, {size / 1e6:.2f} MB in {folder}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--mean", help="checkpoint whose weights count beside the state's; both must come of one start")
    parser.add_argument("--share", type=float, default=0.5, help="of the state in that mean")
    parser.add_argument("-o", required=True)
    args = parser.parse_args()
    model = trained(args.state)
    if args.mean:
        old = load_checkpoint(args.mean).state_dict()
        model.load_state_dict({name: args.share * value + (1 - args.share) * old[name] for name, value in model.state_dict().items()})
    export(model, args.o)


if __name__ == "__main__":
    main()
