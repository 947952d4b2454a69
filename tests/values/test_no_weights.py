"""What a checkpoint's tensors are: the layouts of models and of quantised files, with the weights in each."""

import re

import pytest

from pruneproof.values.no_weights import Stored, named_as_weight, no_weights

_DTYPES = {"F": False, "I": True}


def stored(text):
    """Read a layout: lines of name, dtype and shape, with a * before each that is to be taken for a weight."""
    tensors, weights = {}, set()
    for line in text.strip().splitlines():
        star, name, dtype, sides = re.fullmatch(r"\s*(\*?) *(\S+) ([FI]\d+) ?([\d ]*)", line).groups()
        tensors[name] = Stored(tuple(map(int, sides.split())), int(dtype[1:]), _DTYPES[dtype[0]])
        if star:
            weights.add(name)
    return tensors, weights


LAYOUTS = {
    "gpt-2": """
        * wte.weight F32 100 8
        wpe.weight F32 32 8
        h.0.attn.bias F32 1 1 32 32
        h.0.attn.masked_bias F32
        * h.0.attn.c_attn.weight F32 8 24
        h.0.ln_1.weight F32 8""",
    "bert": """
        embeddings.position_ids I64 1 512
        * embeddings.word_embeddings.weight F32 100 8
        * embeddings.token_type_embeddings.weight F32 2 8
        embeddings.position_embeddings.weight F32 512 8""",
    "t5": """
        * shared.weight F32 100 8
        SelfAttention.relative_attention_bias.weight F32 32 4""",
    "gptq": """
        q_proj.qweight I32 4 32
        q_proj.scales F16 2 32
        q_proj.qzeros I32 2 4
        q_proj.g_idx I32 32
        * lm_head.weight F16 10 32""",
    "blocks of float8": """
        * q.weight F8 256 256
        q.weight_scale_inv F32 2 2
        * kv.weight F16 256 256""",
    "experts in float8": """
        * experts.gate_up_proj F8 4 8 32
        * experts.down_proj F8 4 16 8
        experts.gate_up_proj_scale F16 4 1 32""",
    "bitsandbytes, 4 bits": """
        q.weight I8 128 1
        q.weight.absmax F32 16 2
        q.weight.quant_map F32 16 1
        q.weight.something_new F32 16 2""",
    "bitsandbytes, 8 bits": """
        q.weight I8 16 16
        q.SCB F32 16 1""",
    "hqq": """
        q.W_q I8 16 16
        q.scale F16 16 1
        q.zero F16 16 1""",
    "marlin, whose scales are called s": """
        q.B I32 16 16
        q.s F16 4 16""",
    "nvfp4": """
        q.weight I8 8 8
        q.weight_scale F8 8 2
        q.weight_scale_2 F32""",
    "aqlm": """
        q.codes I16 16 16 1
        q.codebooks F16 1 256 1 8
        q.scales F16 16 1 1 1""",
    "mxfp4": """
        experts.gate_up_proj_blocks I8 4 16 2 16
        experts.gate_up_proj_scales I8 4 16 2
        experts.gate_up_proj_bias F16 4 16
        * router.weight F16 4 8""",
    "stacked experts": """
        * experts.gate_up_proj F16 4 8 32
        experts.gate_up_proj_bias F16 4 32
        * experts.w1 F16 4 8 8
        experts.b1 F16 4 8
        experts.down_biases F16 4 8
        * experts.up F16 4 8 16
        experts.up_addend F16 4 16""",
    "heads, whose biases are stacked": """
        * attn.W_Q F32 2 8 4
        attn.b_Q F32 2 4
        * mlp.w_in F32 8 16
        mlp.b_in F32 16""",
    "weights whose names begin alike": """
        * w F32 8 8
        * w_out F32 8 2
        * b F32 4 8""",
    "flax": """
        * params/Dense_0/kernel F32 4 4
        params/layers/bias F32 2 4
        params/layers/LayerNorm_0/scale F32 2 4
        * params/embed/embedding F32 10 4""",
    "swin": """
        attn.relative_position_bias_table F32 169 3
        attn.relative_position_index I64 49 49
        attn_mask F32 4 49 49
        attn.logit_scale F32 3 1 1
        * attn.qkv.weight F32 12 4""",
    "vit": """
        cls_token F32 1 1 8
        mask_token F32 1 1 8
        pos_embed F32 1 17 8
        * patch_embed.proj.weight F32 8 3 4 4
        * head.weight F32 1 8""",
    "diffusion": """
        * pos_embed.proj.weight F32 8 3 2 2
        pos_embed.pos_embed F32 1 9 8
        * norm1.linear.weight F32 16 8
        scale_shift_table F32 6 8""",
    "norms of heads and of images": """
        q_norm.weight F16 4 8
        input_layernorms.weight F16 12 8
        norm.weight F32 1 8 1 1
        block.gamma F32 1 8 1 1
        block.something F32 1 8 1 1
        * q_proj.weight F16 8 8""",
    "statistics": """
        bn.running_mean F32 2 8
        mean F32 1 3 1 1
        quantizer.embed F32 8 4
        quantizer.embed_avg F32 8 4
        * bn.conv.weight F32 8 8""",
    "rotary and filters": """
        rotary.inv_freq F32 1 8
        freqs_cis F32 64 8
        cos_cached F32 64 8
        mel_filters F32 80 201
        * conv1.weight F32 8 8 3""",
    "state spaces": """
        mixer.A_log F32 16 4
        mixer.D F32 16
        * mixer.conv1d.weight F32 16 1 4""",
    "adapters beside their weights": """
        * q.base_layer.weight F16 8 8
        q.lora_A.default.weight F16 2 8
        q.lora_B.default.weight F16 8 2""",
    "adapters alone": """
        * q.lora_A.weight F16 2 8
        * q.lora_B.weight F16 8 2""",
    "weights behind a function": """
        conv.weight_g F32 8 1 1
        conv.weight_v F32 8 4 3
        fc.parametrizations.weight.original0 F32 8 1
        fc.parametrizations.weight.original1 F32 8 4
        * out.weight F32 2 2""",
    "weights under masks": """
        a.weight_orig F32 8 4
        a.weight_mask F32 8 4
        b.weight F32 8 4
        b.weight_mask F32 8 4
        * c.weight F32 8 4""",
    "vector quantisation": """
        q.indices I32 1 128 64
        q.centroids.weight F16 1 65536
        quantize.codebook.weight F16 512 64
        * lm_head.weight F16 100 128""",
    "compressed-tensors": """
        q.weight_packed I32 128 16
        q.weight_scale F16 128 1
        q.weight_zero_point I32 16 1
        q.weight_shape I64 2
        p.compressed F16 8192 1
        p.bitmask I8 128 16
        * lm_head.weight F16 100 128""",
    "of gguf": """
        * blk.0.ffn_gate_exps.weight F16 8 256 128
        blk.0.attn_norm.weight F32 128
        blk.0.exp_probs_b.bias F32 8
        * token_embd.weight F16 100 128""",
    "rwkv": """
        * emb.weight F16 100 64
        blocks.0.att.time_faaaa F32 8 8
        blocks.0.att.x_r F32 1 1 64
        blocks.0.att.w0 F32 1 1 64
        * blocks.0.att.w1 F32 64 32
        blocks.0.att.r_k F32 8 8
        * blocks.0.att.key.weight F16 64 64""",
    "clip": """
        text_model.embeddings.position_embedding.weight F32 77 64
        * visual_projection.weight F32 32 64
        visual.positional_embedding F32 50 64
        * visual.proj F32 64 32""",
    "recurrent": """
        * rnn.weight_ih_l0 F32 16 4
        * rnn.weight_hh_l0 F32 16 4
        rnn.bias_ih_l0 F32 16
        stacked.bias_hh_l0 F32 2 16""",
    "an optimizer's": """
        state.fc.exp_avg_sq F32 8 8
        * model.fc.weight F32 8 8""",
    "names that say nothing": """
        * x F32 4 4
        * layer.0 F32 4 4
        y F32 4""",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_weights_of_a_layout_are_told_from_the_rest(layout):
    tensors, weights = stored(LAYOUTS[layout])
    assert tensors.keys() - no_weights(tensors).keys() == weights


def test_a_weight_beside_a_small_table_of_whole_numbers_stays_a_weight():
    tensors, _ = stored("attn.in_proj_weight F32 24 8\nattn.index I32 2 2\nattn.lengths I8 2 2")
    assert "attn.in_proj_weight" not in no_weights(tensors)


@pytest.mark.parametrize("name", ["fc.weight", "params/Dense_0/kernel", "dense/kernel:0", "rnn.weight_ih_l0", "q.w1"])
def test_names_of_weights(name):
    assert named_as_weight(name)


@pytest.mark.parametrize("name", ["x", "attn.window", "weightless.table"])
def test_names_that_do_not_say_that_they_are_weights(name):
    assert not named_as_weight(name)
