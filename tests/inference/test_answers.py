from pipeline.inference import answers as module
from pipeline.inference.answers import answer_greedily
from pipeline.tokenizer.special import BOS, END_OF_TURN, EOS


def test_answer_greedily_answers_in_order_and_leaves_room(model, tokenizer, monkeypatch):
    conversations = [[{"role": "user", "content": text}] for text in ("çok uzun bir soru, çok uzun", "Kim?")]
    asked = []

    def generate(model, prompts, *, max_new_tokens, stop_ids, forbidden_ids):
        asked.extend(prompts)
        assert (max_new_tokens, stop_ids, BOS in forbidden_ids) == (6, {EOS, END_OF_TURN}, True)
        return [tokenizer.encode(f" {number}\n") for number in range(len(prompts))]

    monkeypatch.setattr(module, "generate", generate)
    assert answer_greedily(model, tokenizer, conversations, 6, room=5) == ["0", "1"]
    long, short = asked
    assert (len(long), long[0]) == (model.context - 5, BOS)
    assert short == tokenizer.encode_prompt(conversations[1])
