"""The lines of model cards that show how a model is used, and how a user's text is encoded safely.

A test runs each of them where its tool is installed.
"""

from collections.abc import Sequence
from string import Template

from pipeline.inference.sampling import CHAT_SAMPLING

SAMPLING = ", ".join(f"{name}={getattr(CHAT_SAMPLING, name)}" for name in ("temperature", "top_p", "min_p"))
LLAMA_CLI_SAMPLING = (
    f"--temp {CHAT_SAMPLING.temperature} --top-k {CHAT_SAMPLING.top_k}"
    f" --top-p {CHAT_SAMPLING.top_p} --min-p {CHAT_SAMPLING.min_p}"
)
TITLES = {
    "en": {"tezgah": "This program", "curl": "As a server", "page": "The page"},
    "tr": {"tezgah": "Bu program", "curl": "Sunucu olarak", "page": "Sayfa"},
}
CHAT = f"""\
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # this folder, or OWNER/NAME on the hub
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
messages = [{{"role": "user", "content": "Merhaba!"}}]
inputs = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
)
output = model.generate(**inputs, max_new_tokens=64, do_sample=True, {SAMPLING})
print(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))"""
CONTINUE = f"""\
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "."  # this folder, or OWNER/NAME on the hub
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
inputs = tokenizer("Bir gün", return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=64, do_sample=True, {SAMPLING})
print(tokenizer.decode(output[0], skip_special_tokens=True))"""
LLAMA_CPP_CHAT = f"""\
from llama_cpp import Llama

model = Llama("$file", n_ctx=$context, verbose=False)
messages = [{{"role": "user", "content": "Merhaba!"}}]
answer = model.create_chat_completion(messages, {SAMPLING}, top_k=0, repeat_penalty=1.0)
print(answer["choices"][0]["message"]["content"])"""
LLAMA_CPP_CONTINUE = f"""\
from llama_cpp import Llama

model = Llama("$file", n_ctx=$context, verbose=False)
text = model.create_completion("Bir gün", max_tokens=64, {SAMPLING}, top_k=0, repeat_penalty=1.0)
print(text["choices"][0]["text"])"""
SENTENCE_TRANSFORMERS = """\
from sentence_transformers import SentenceTransformer

encoder = SentenceTransformer(".")  # this folder, or OWNER/NAME on the hub
vectors = encoder.encode(["Kitaplar iki haftada geri verilir.", "Kitabı ne zaman getirmeliyim?"])
print(encoder.similarity(vectors, vectors))"""
ONNX = """\
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.encode_special_tokens = True  # a typed <s> is three characters
tokenizer.enable_padding()
${truncation}\
rows = tokenizer.encode_batch(["Kitaplar iki haftada geri verilir.", "Kitabı ne zaman getirmeliyim?"])
inputs = {
    "input_ids": np.array([row.ids for row in rows]),
    "attention_mask": np.array([row.attention_mask for row in rows]),
}
(vectors,) = onnxruntime.InferenceSession("model.onnx").run(None, inputs)
print(vectors @ vectors.T)"""
SAFE_ENCODING = '''\
def encode_chat(tokenizer, messages):
    """Return the ids of a conversation. Nothing that somebody types in it is a special token."""
    def special(name):
        return tokenizer.convert_tokens_to_ids(name)

    ids = [tokenizer.bos_token_id]
    for message in messages:
        text = message["content"].strip()
        words = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        ids += [special(f"<|{message['role']}|>"), *words, special("<|end|>")]
    return [*ids, special("<|assistant|>")]'''
HF_SAFETY = {
    "en": (
        "`apply_chat_template` writes one string, so a user who types `<|end|>` ends a turn with it. Where"
        " you do not trust the text, set the role markers by their ids:"
    ),
    "tr": (
        "`apply_chat_template` tek bir metin yazar: `<|end|>` yazan bir kullanıcı böylece kendi sırasını"
        " kapatır. Metne güvenmediğiniz yerde rol token'larını id'leriyle ekleyin:"
    ),
}
LLAMA_SAFETY = {
    "en": (
        "llama.cpp and Ollama read role markers in what a user types: `<|end|>` ends a turn. Where you do not"
        " trust the text, tokenize the messages one by one with `special=False`, and set the markers between"
        " them by their ids. `tezgah serve` does so."
    ),
    "tr": (
        "llama.cpp ve Ollama, kullanıcının yazdığı `<|end|>` gibi metinleri de özel token sayar: konuşma"
        " sırası kapanır. Metne güvenmediğiniz yerde mesajları tek tek, `special=False` ile tokenize edin,"
        " aralarına rol token'larını id'leriyle koyun. `tezgah serve` böyle yapar."
    ),
}
SAFETY = {
    "en": {
        "hf": f"{HF_SAFETY['en']}\n\n```python\n{SAFE_ENCODING}\n```",
        "gguf": LLAMA_SAFETY["en"],
        "ollama": LLAMA_SAFETY["en"],
        "page": "The page sets the markers by their ids: a typed `<|end|>` stays text.",
        "encoder": "A typed `<s>` stays text: the tokenizer's files ask for it, and so do the lines above.",
    },
    "tr": {
        "hf": f"{HF_SAFETY['tr']}\n\n```python\n{SAFE_ENCODING}\n```",
        "gguf": LLAMA_SAFETY["tr"],
        "ollama": LLAMA_SAFETY["tr"],
        "page": "Sayfa rol token'larını id'leriyle koyar: yazılan `<|end|>` metin olarak kalır.",
        "encoder": "Yazılan `<s>` metin olarak kalır: tokenizer dosyaları ve yukarıdaki kod öyle ister.",
    },
}


def list_snippets(
    kind: str,
    role: str,
    files: Sequence[str],
    name: str,
    context: int | None,
    language: str,
    is_stock: bool = True,
) -> list[str]:
    """Return the snippets of an export in Markdown, each under the name of its tool.

    A model that is not `is_stock` opens in this program alone.
    """
    titles = TITLES[language]
    gguf = next((file for file in files if file.endswith(".gguf")), "")
    if kind == "page":
        page = next(file for file in files if file.endswith(".html"))
        opens = {"en": f"Open `{page}` in a browser. It sends nothing.",
                 "tr": f"`{page}` dosyasını tarayıcıda açın. Hiçbir şey göndermez."}  # fmt: skip
        return [f"### {titles['page']}\n\n{opens[language]}"]
    if role == "encoder":
        truncation = f"tokenizer.enable_truncation({context})\n" if context else ""
        return [
            make_snippet("sentence-transformers", "python", SENTENCE_TRANSFORMERS),
            make_snippet("onnxruntime", "python", Template(ONNX).substitute(truncation=truncation)),
            make_snippet(titles["tezgah"], "bash", "tezgah index ~/belgeler --encoder ."),
        ]
    if kind == "hf":
        ask = (
            'tezgah infer "Merhaba!" --model .' if role == "sft" else 'tezgah infer "Bir gün" --raw --model .'
        )
        return [
            *(
                [make_snippet("transformers", "python", CHAT if role == "sft" else CONTINUE)]
                if is_stock
                else []
            ),
            make_snippet(titles["tezgah"], "bash", ask),
            make_snippet(titles["curl"], "bash", "tezgah serve ."),
        ]
    llama = Template(LLAMA_CPP_CHAT if role == "sft" else LLAMA_CPP_CONTINUE)
    ollama = f"ollama create {name} -f Modelfile\nollama run {name}"
    how = "-cnv" if role == "sft" else '-no-cnv -p "Bir gün"'
    command = f"llama-cli -m {gguf} -c {context} {LLAMA_CLI_SAMPLING} {how}"
    return [
        *([make_snippet("Ollama", "bash", ollama)] if kind == "ollama" else []),
        make_snippet("llama.cpp", "bash", command),
        make_snippet("llama-cpp-python", "python", llama.substitute(file=gguf, context=context)),
    ]


def make_snippet(title: str, language: str, code: str) -> str:
    """Return code under a title, in Markdown."""
    return f"### {title}\n\n```{language}\n{code}\n```"
