# SPDX-License-Identifier: Apache-2.0
"""Stage 6: everything together on scenes: answers, plus the dense labels and windows of crowds so that reading goes on. In no
other stage are tower, DEM and language model told at once of a text that the border of a crop cuts. It also takes an exported
checkpoint further (--begin); the classifiers then start anew and warm up on the tower as it is."""

import os

import torch

import data
import export
import loop
import train_ask
import train_see
from model import InfLlava, default_config
from parity import load_checkpoint
from tokenizer import Prompt, build
from train_read import PATCH, losses

ON_SCENES, ON_CROWDS = 0.5, 1.0  # weights beside the answers' loss


def start_of(args, state, heads, where):
    """The model that is trained: as saved, else of a checkpoint with classifiers that start anew, else of stage `ask`."""
    if args.begin and not state:
        return load_checkpoint(args.begin).to(where).train()
    heads.load_state_dict(state["heads"] if state else
                          torch.load(os.path.join(args.state, "fuse.pt"), map_location=where)["modules"][3])
    if not state:
        return export.trained(args.state).to(where).train()
    model = InfLlava(default_config()).to(where)
    model.load_state_dict(state["model"])
    return model


def step_loss(model, heads, prompt, batch, where, settled):
    """Loss of one batch of data.Tuning and the answers that are right. settled: whether the classifiers reach the tower."""
    images, tokens, patches, packed, windows, labels = (part.to(where) for part in batch)
    tiles = torch.cat([model.cut(data.exposed(images)), data.exposed(windows)])
    with torch.autocast(where.type, torch.bfloat16, enabled=where.type == "cuda" or torch.cpu._is_avx512_bf16_supported()):
        out = model.tower(tiles)  # on processors without such units bf16 is slower
    out = out.float()
    whole, crowd = out[:len(images) * 10].view(len(images), 10, *out.shape[1:]), out[len(images) * 10:]
    fused = model.fuse(whole[:, :9], whole[:, 9])
    answers, right = train_ask.loss_and_right(model, prompt, model.model.mm_projector(fused), packed)
    known = (lambda x: x) if settled else torch.detach
    dense = (train_see.token_losses(heads, known(fused), tokens) + losses(heads.patch(known(whole[:, :9])), PATCH, patches)
             + 0.3 * losses(heads.base(known(whole[:, 9])), train_see.BASE, tokens[..., :2]))
    return answers + ON_SCENES * dense + ON_CROWDS * losses(heads.patch(known(crowd)), PATCH, labels), answers, right


def run(args):
    torch.manual_seed(args.seed + 3)
    ranks, path, where = loop.Ranks(args), os.path.join(args.state, "tune.pt"), loop.device()
    prompt, state = Prompt(build()), torch.load(path, map_location=where) if os.path.exists(path) else None
    heads = train_see.Heads(default_config()["mm_hidden_size"]).to(where)
    model = start_of(args, state, heads, where)
    inner, start = model.model, state["step"] if state else 0
    opt = loop.optimiser([model.tower], [heads], args.rate, ([inner.spatial_embed, inner.mm_projector, inner.layers],
                                                             [inner.embed_tokens, inner.norm, model.lm_head]))
    if state:
        opt.load_state_dict(state["opt"])
    held = train_ask.held_sets() if ranks.first else None
    stream = data.batches(data.Tuning("tune", args, ranks.rank, start, args.batch // ranks.world, prompt), args.workers)
    log, total, hits = loop.Log(args.state, "tune", start, args.steps), 0.0, 0.0
    params = [p for g in opt.param_groups for p in g["params"]]
    for step in range(start, args.steps):
        loop.set_rate(opt, step, args)
        loss, answers, right = step_loss(model, heads, prompt, next(stream), where, step >= args.warm)
        ranks.update(opt, params, loss)
        total, hits = total + answers.detach(), hits + right.float().mean()
        if ranks.first and (step + 1) % args.report == 0:
            log.report(step, loss=total.item() / args.report, right=hits.item() / args.report,
                       **train_ask.measured(model, prompt, held, where))
            total = hits = 0.0
        if ranks.first and ((step + 1) % args.save == 0 or step + 1 == args.steps):
            loop.save(path, model=model.state_dict(), heads=heads.state_dict(), opt=opt.state_dict(), step=step + 1)
