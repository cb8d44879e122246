"""The special tokens: the first ids of every vocabulary, and how the vocabulary writes them.

They are control symbols set by id. The same letters in a text are encoded as text.
"""

UNK, BOS, EOS, PAD = 0, 1, 2, 3
SYSTEM, USER, ASSISTANT, END_OF_TURN = 4, 5, 6, 7
UNK_TOKEN, BOS_TOKEN, EOS_TOKEN, PAD_TOKEN = "<unk>", "<s>", "</s>", "<pad>"
CHAT_MARKERS = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]  # ids 4 to 7
SPECIAL_TOKENS = [UNK_TOKEN, BOS_TOKEN, EOS_TOKEN, PAD_TOKEN, *CHAT_MARKERS]  # by id
FIRST_TEXT_TOKEN = len(SPECIAL_TOKENS)  # this id and those above it are bytes and pieces of text

# Stands for "nothing to learn here" in the targets of training. It is no id, and torch's own default.
IGNORE_INDEX = -100
