"""Tiny transformers with random weights, and calibration samples for them."""

import pytest
import torch
from transformers import (
    BartConfig,
    BartModel,
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
)

HEADS = {"num_hidden_layers": 2, "num_attention_heads": 4}
ENDS = {"vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
BUILDERS = {
    "llama": lambda: LlamaForCausalLM(
        LlamaConfig(hidden_size=32, intermediate_size=64, num_key_value_heads=2, **HEADS, **ENDS)
    ),
    "opt": lambda: OPTForCausalLM(
        OPTConfig(hidden_size=32, ffn_dim=64, word_embed_proj_dim=32, max_position_embeddings=64, **HEADS, **ENDS)
    ),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=64, **ENDS)),
    "bert": lambda: BertModel(BertConfig(hidden_size=32, intermediate_size=64, **HEADS, **ENDS)),
    "bart": lambda: BartModel(
        BartConfig(
            d_model=32,
            encoder_layers=2,
            decoder_layers=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            max_position_embeddings=64,
            **ENDS,
        )
    ),
}


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def build():
    """Name of an architecture -> the same random model each time, with weights large enough to leave linearity."""

    def make(name):
        torch.manual_seed(0)
        model = BUILDERS[name]()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(5.0)
                elif not parameter.any():
                    parameter.normal_(std=0.1)  # biases start at zero
        return model

    return make


@pytest.fixture
def tokens():
    """Sixteen samples of eight tokens."""
    return torch.randint(3, 64, (16, 8), generator=torch.Generator().manual_seed(1))
