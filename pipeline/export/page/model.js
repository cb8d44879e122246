"use strict";

// A language model in plain JavaScript: its tokenizer, its pass over one token, and the choice of the next.
//
// It computes what pipeline/model/decoder.py of Tezgâh computes, without a library. The sizes of arrays:
//
//     D model width    H query heads    G key and value heads    K head width
//     F feed-forward width    V vocabulary    S tokens so far
//
// So x_D is an array of D numbers, and q_HxK one of H times K, head after head.

// --- Text ---

const WORD = / [^ \n]*|\n|[^ \n]+/g; // a word carries the space before it
const METASPACE = "\u2581"; // stands for a space inside a piece
const LINE_ENDS = /\r\n|[\r\v\f\u2028\u2029]/g;
const SPACES = /[\xa0\u1680\u2000-\u200a\u202f\u205f\u2581\u3000]/g;
const DROPPED = /[\0-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff]/gu; // controls, half characters
const INNER_TABS = /([^\n\t])(\t+)/g; // tabs that do not indent a line
const LATIN = "[A-Za-zÀ-ÖØ-öø-ɏ]";
const INVISIBLE = new RegExp(`(${LATIN})[\\xad\\u200b-\\u200d\\u2060\\ufeff]+(?=${LATIN})`, "g");

/** Return the text in the form that the model was trained on (pipeline/text/normalize.py).
 *
 * Python also repairs text of a wrong encoding, which nobody types.
 */
function normalizeText(text) {
  for (;;) {
    const form = text
      .replace(/([iİ])\u0307/g, "$1").replace(/ı\u0307/g, "i") // a second dot, as in a wrong "i̇stanbul"
      .replace(INVISIBLE, "$1").replace(LINE_ENDS, "\n").replace(SPACES, " ").replace(DROPPED, "")
      .replace(INNER_TABS, (_, before, tabs) => before + " ".repeat(tabs.length))
      .normalize("NFC");
    if (form === text) return text;
    text = form; // what was dropped may have stood between a letter and its mark
  }
}

// --- Tokenizer ---

class Tokenizer {
  /** `pieces`: the vocabulary. A lower id is an earlier merge. Single bytes have ids of their own. */
  constructor({ pieces, first_byte, bos, roles, end_of_turn }) {
    Object.assign(this, { pieces, bos, roles, endOfTurn: end_of_turn, firstByte: first_byte });
    this.firstPiece = first_byte + 256; // the special tokens come first, then the 256 bytes
    this.idOfPiece = new Map(pieces.slice(this.firstPiece).map((piece, i) => [piece, this.firstPiece + i]));
    this.words = new Map(); // that were encoded before
  }

  isByte(id) { return id >= this.firstByte && id < this.firstPiece; }

  /** Return the token ids of a text. What looks like a special token in it, such as <s>, is text. */
  encode(text) {
    const ids = [];
    for (const [word] of text.replaceAll(METASPACE, " ").matchAll(WORD)) {
      if (!this.words.has(word)) this.words.set(word, this.encodeWord(word));
      for (const id of this.words.get(word)) ids.push(id); // a spread would overflow for very long words
    }
    return ids;
  }

  /** Return the ids of a word by byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909).
   *
   * It begins with single characters. Of all neighbors that make a piece together, those with the lowest id
   * are merged, the leftmost first, until no two make one. A character without a piece becomes its bytes.
   */
  encodeWord(word) {
    const parts = [...word.replace(" ", METASPACE)];
    const hasNext = (i) => i + 1 < parts.length;
    const merge = (i) => (hasNext(i) && this.idOfPiece.get(parts[i] + parts[i + 1])) || Infinity;
    const merges = parts.map((_, i) => merge(i)); // the id that each part makes with the next
    for (;;) {
      let best = 0;
      for (let i = 1; i < merges.length; i++) if (merges[i] < merges[best]) best = i;
      if (!(merges[best] < Infinity)) break;
      parts.splice(best, 2, parts[best] + parts[best + 1]);
      merges.splice(best, 1);
      merges[best] = merge(best);
      if (best > 0) merges[best - 1] = merge(best - 1);
    }
    const bytes = (part) => [...new TextEncoder().encode(part)].map((byte) => this.firstByte + byte);
    return parts.flatMap((part) => this.idOfPiece.get(part) ?? bytes(part));
  }

  /** Return the bytes of a token in UTF-8, none for a special token. */
  tokenBytes(id) {
    if (id < this.firstByte) return new Uint8Array();
    if (this.isByte(id)) return Uint8Array.of(id - this.firstByte);
    return new TextEncoder().encode(this.pieces[id].replaceAll(METASPACE, " "));
  }

  /** Return the text of token ids. */
  decode(ids) {
    const stream = new TextStream(this);
    return ids.map((id) => stream.add(id)).join("") + stream.finish();
  }

  /** Return the ids that an answer continues: the messages and the marker of the assistant. */
  encodePrompt(messages) {
    const ids = [this.bos];
    for (const { role, content } of messages) {
      ids.push(this.roles[role]);
      for (const id of this.encode(content.trim())) ids.push(id);
      ids.push(this.endOfTurn);
    }
    return [...ids, this.roles.assistant];
  }
}

/** Turns tokens into text one by one. Bytes wait until their character is whole. */
class TextStream {
  constructor(tokenizer) {
    this.tokenizer = tokenizer;
    this.decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  }

  /** Return the text that is safe to show once `id` is known; it may be empty. */
  add(id) { return this.decoder.decode(this.tokenizer.tokenBytes(id), { stream: true }); }

  /** Return U+FFFD where the text ends within a character, else nothing. */
  finish() { return this.decoder.decode(); }
}

/** Return the ids of a conversation that fits the context, and the message that it begins with.
 *
 * The oldest exchanges are left out until the answer has half of the context. The last message may be longer,
 * if it leaves a quarter. `ids` is null where it does not, and `tokens` tells its length, `most` the limit.
 */
function fitConversation(tokenizer, messages, context) {
  const half = Math.floor((context - tokenizer.encodePrompt([]).length) / 2);
  const quarter = Math.min(half, Math.floor(context / 4));
  const starts = messages.flatMap(({ role }, start) => (role === "user" ? [start] : []));
  let fitting = { ids: null };
  for (let i = starts.length - 1; i >= 0; i--) { // from the newest on
    const start = starts[i], isLast = i === starts.length - 1;
    const ids = tokenizer.encodePrompt(messages.slice(start));
    if (ids.length + (isLast ? quarter : half) > context) {
      const frame = tokenizer.encodePrompt([{ role: "user", content: "" }]).length;
      return isLast ? { ids: null, tokens: ids.length - frame, most: context - quarter - frame } : fitting;
    }
    fitting = { ids, start };
  }
  return fitting;
}

// --- Weights ---

/** Return the bytes of a text in base64. */
function decodeBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** Return the tensors by name. A vector is a Float32Array, a matrix has `rows`, `columns` and `scales` too.
 *
 * First in `bytes` are the numbers of vectors and the scales of matrices, then the whole numbers of matrices.
 * Throws an error where bytes are missing.
 */
function readTensors(shapes, bytes) {
  const sizes = Object.values(shapes);
  let float = 0, byte = 4 * sizes.reduce((sum, [rows]) => sum + rows, 0);
  const needed = byte + sizes.reduce((sum, [rows, columns = 0]) => sum + rows * columns, 0);
  if (bytes.length !== needed) throw new Error(`${bytes.length} bytes of weights, not ${needed}`);
  const tensors = {};
  for (const [name, [rows, columns]] of Object.entries(shapes)) {
    const numbers = new Float32Array(bytes.buffer, 4 * float, rows);
    float += rows;
    tensors[name] = numbers;
    if (columns === undefined) continue;
    const weights = new Int8Array(bytes.buffer, byte, rows * columns);
    tensors[name] = { rows, columns, scales: numbers, weights };
    byte += rows * columns;
  }
  return tensors;
}

// --- Forward pass ---

/** Return matrix times x, and a bias where there is one.
 *
 * Four rows at a time: a number of x, once read, serves all of them. In Chromium that made 281 passes a
 * second over the 3.9 million weights of the default model, against 176 row by row. Weights that are turned
 * into fp32 first were slower (227): they take four times the memory.
 */
function multiply({ rows, columns, scales, weights }, x, bias) {
  const y = new Float32Array(rows);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const one = row * columns, two = one + columns, three = two + columns, four = three + columns;
    let a = 0, b = 0, c = 0, d = 0;
    for (let i = 0; i < columns; i++) {
      const number = x[i];
      a += weights[one + i] * number;
      b += weights[two + i] * number;
      c += weights[three + i] * number;
      d += weights[four + i] * number;
    }
    y[row] = a * scales[row];
    y[row + 1] = b * scales[row + 1];
    y[row + 2] = c * scales[row + 2];
    y[row + 3] = d * scales[row + 3];
  }
  for (; row < rows; row++) { // up to three that are left
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += weights[row * columns + i] * x[i];
    y[row] = sum * scales[row];
  }
  if (bias) for (let i = 0; i < rows; i++) y[i] += bias[i];
  return y;
}

/** Return x divided by its root mean square, times the weight (Zhang & Sennrich 2019, arXiv 1910.07467). */
function normalize(x, weight, eps) {
  let squares = 0;
  for (const number of x) squares += number * number;
  const factor = 1 / Math.sqrt(squares / x.length + eps);
  return x.map((number, i) => number * factor * weight[i]);
}

/** Turn each pair of numbers of a head by its angle, in place (Su et al. 2021, arXiv 2104.09864). */
function rotate(x_K, { cos, sin }) {
  const half = x_K.length / 2;
  for (let j = 0; j < half; j++) {
    const first = x_K[j], second = x_K[j + half];
    x_K[j] = first * cos[j] - second * sin[j];
    x_K[j + half] = second * cos[j] + first * sin[j];
  }
}

/** Turn scores into shares that add up to 1, in place. */
function softmax(scores) {
  let max = -Infinity, sum = 0;
  for (const score of scores) if (score > max) max = score;
  for (let i = 0; i < scores.length; i++) sum += scores[i] = Math.exp(scores[i] - max);
  for (let i = 0; i < scores.length; i++) scores[i] /= sum;
}

/** Add y to x, in place. */
function add(x, y) {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}

class Model {
  /** `config` is the description in the page, `bytes` are its weights. */
  constructor(config, bytes) {
    this.config = config;
    const tensors = readTensors(config.tensors, bytes);
    const find = (name) => tensors[`model.${name}`]; // undefined where the architecture has none
    this.embeddings = find("embed_tokens.weight");
    this.head = tensors["lm_head.weight"] ?? this.embeddings; // often one matrix serves for both
    this.norm = find("norm.weight");
    this.layers = [];
    for (let number = 0; number < config.layers; number++) {
      const part = (name) => find(`layers.${number}.${name}`);
      const linear = (name) => ({ matrix: part(`${name}.weight`), bias: part(`${name}.bias`) });
      this.layers.push({
        attentionNorm: part("input_layernorm.weight"), mlpNorm: part("post_attention_layernorm.weight"),
        q: linear("self_attn.q_proj"), k: linear("self_attn.k_proj"), v: linear("self_attn.v_proj"),
        qNorm: part("self_attn.q_norm.weight"), kNorm: part("self_attn.k_norm.weight"),
        o: linear("self_attn.o_proj"),
        gate: linear("mlp.gate_proj"), up: linear("mlp.up_proj"), down: linear("mlp.down_proj"),
      });
    }
    this.forget(0);
  }

  /** Keep the first `count` tokens. Each layer holds the keys and values of all (its KV cache). */
  forget(count) {
    this.ids = count ? this.ids.slice(0, count) : [];
    for (const layer of this.layers) {
      layer.keys = count ? layer.keys.slice(0, count) : [];
      layer.values = count ? layer.values.slice(0, count) : [];
    }
  }

  /** Forget what does not begin `ids`, and return the ids that are still to be read: one at least. */
  resume(ids) {
    let same = 0;
    while (same < ids.length - 1 && ids[same] === this.ids[same]) same++;
    this.forget(same);
    return ids.slice(same);
  }

  /** Read one token after those before it; return its hidden state [D]. Throws a RangeError at the end. */
  read(id) {
    const { width, head_dim, rope_theta, context, norm_eps } = this.config;
    if (this.ids.length === context) throw new RangeError(`the model reads ${context} tokens`);
    const angles = findAngles(this.ids.length, head_dim, rope_theta);
    const x_D = new Float32Array(width); // the residual stream, to which every layer adds something
    for (let i = 0; i < width; i++) {
      x_D[i] = this.embeddings.weights[id * width + i] * this.embeddings.scales[id];
    }
    for (const layer of this.layers) {
      add(x_D, this.attend(layer, normalize(x_D, layer.attentionNorm, norm_eps), angles));
      add(x_D, this.feedForward(layer, normalize(x_D, layer.mlpNorm, norm_eps)));
    }
    this.ids.push(id);
    return normalize(x_D, this.norm, norm_eps);
  }

  /** Return the logits [V]: a score for each token that may come next. */
  score(hidden_D) { return multiply(this.head, hidden_D); }

  /** Return what the token gathers from those before it and from itself [D].
   *
   * Each head compares its query with the keys of all tokens and takes a mean of their values, in which those
   * that fit well count most (Vaswani et al. 2017, arXiv 1706.03762).
   */
  attend(layer, x_D, angles) {
    const { heads: H, kv_heads: G, head_dim: K, norm_eps } = this.config;
    const project = ({ matrix, bias }, norm, isTurned) => {
      const y = multiply(matrix, x_D, bias);
      for (let start = 0; start < y.length; start += K) {
        const head_K = y.subarray(start, start + K);
        if (norm) head_K.set(normalize(head_K, norm, norm_eps));
        if (isTurned) rotate(head_K, angles);
      }
      return y;
    };
    const q_HxK = project(layer.q, layer.qNorm, true);
    layer.keys.push(project(layer.k, layer.kNorm, true));
    layer.values.push(project(layer.v, null, false));

    const S = layer.keys.length;
    const out_HxK = new Float32Array(H * K), shares_S = new Float32Array(S);
    for (let h = 0; h < H; h++) {
      const query = h * K, key = Math.floor((h * G) / H) * K; // where the head and its group begin
      for (let s = 0; s < S; s++) {
        const k_GxK = layer.keys[s];
        let score = 0;
        for (let i = 0; i < K; i++) score += q_HxK[query + i] * k_GxK[key + i];
        shares_S[s] = score / Math.sqrt(K);
      }
      softmax(shares_S);
      for (let s = 0; s < S; s++) {
        const v_GxK = layer.values[s], share = shares_S[s];
        for (let i = 0; i < K; i++) out_HxK[query + i] += share * v_GxK[key + i];
      }
    }
    return multiply(layer.o.matrix, out_HxK);
  }

  /** Return what the token makes of what it has gathered [D]: SwiGLU (Shazeer 2020, arXiv 2002.05202). */
  feedForward(layer, x_D) {
    const gate_F = multiply(layer.gate.matrix, x_D), up_F = multiply(layer.up.matrix, x_D);
    for (let i = 0; i < gate_F.length; i++) gate_F[i] *= up_F[i] / (1 + Math.exp(-gate_F[i]));
    return multiply(layer.down.matrix, gate_F);
  }
}

/** Return cosines and sines of a position's angles: pair j of a head turns by position / theta^(2j / K). */
function findAngles(position, K, theta) {
  const angles = Array.from({ length: K / 2 }, (_, j) => position * theta ** ((-2 * j) / K));
  return { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) };
}

// --- Sampling ---

/** Return the ids that may be drawn, likeliest first, and what each counts (pipeline/inference/sampling.py).
 *
 * A low temperature makes likely tokens likelier. Two cuts count together: `top_p` keeps the smallest set of
 * likeliest tokens that have so much of the probability. `min_p` leaves out what is less than so many times
 * as likely as the likeliest.
 */
function findCandidates(logits_V, { temperature, top_p, min_p }) {
  let max = -Infinity, total = 0;
  for (const logit of logits_V) if (logit > max) max = logit;
  const weights_V = Float64Array.from(logits_V, (logit) => Math.exp((logit - max) / temperature));
  for (const weight of weights_V) total += weight;
  let ids = [...weights_V.keys()].filter((id) => weights_V[id] >= min_p);
  ids.sort((one, other) => logits_V[other] - logits_V[one] || one - other);
  let sum = 0, kept = 0;
  while (kept < ids.length && sum < top_p * total) sum += weights_V[ids[kept++]];
  ids = ids.slice(0, kept);
  return { ids, weights: ids.map((id) => weights_V[id]) };
}

/** Return the next token: drawn from the candidates, or the likeliest at temperature 0. */
function sample(logits_V, sampling, random = Math.random) {
  if (sampling.temperature === 0) return findLikeliest(logits_V, 1)[0];
  const { ids, weights } = findCandidates(logits_V, sampling);
  let drawn = random() * weights.reduce((sum, weight) => sum + weight, 0);
  return ids.find((_, i) => (drawn -= weights[i]) < 0) ?? ids[0];
}

/** Return the ids of the `count` highest scores, the highest first. */
function findLikeliest(scores_V, count) {
  const ids = [];
  for (let id = 0; id < scores_V.length; id++) {
    let place = ids.length;
    while (place > 0 && scores_V[ids[place - 1]] < scores_V[id]) place--;
    if (place === count) continue;
    ids.splice(place, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
}

/** Return a token's own probability, before any cut, and the `count` likeliest tokens with theirs. */
function describeChoice(logits_V, id, count) {
  const shares_V = Float64Array.from(logits_V);
  softmax(shares_V);
  const rivals = findLikeliest(logits_V, count).map((rival) => [rival, shares_V[rival]]);
  return { id, probability: shares_V[id], rivals };
}

/** Let the browser draw and take what was pressed, then go on. */
function nextTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel(); // setTimeout would wait four milliseconds
    port1.onmessage = () => { port1.close(); resolve(); };
    port2.postMessage(null);
  });
}

/** Yield the tokens of an answer as they are chosen (`describeChoice`), until one ends it or none fits.
 *
 * `signal` stops it between two tokens.
 */
async function* generate(model, prompt, sampling, signal, rivals = 5) {
  const { context, stop_ids, forbidden_ids } = model.config;
  let hidden_D;
  for (const id of model.resume(prompt)) {
    hidden_D = model.read(id);
    await nextTask();
    if (signal.aborted) return;
  }
  for (;;) {
    const logits_V = model.score(hidden_D);
    for (const id of forbidden_ids) logits_V[id] = -Infinity;
    const id = sample(logits_V, sampling);
    yield describeChoice(logits_V, id, rivals);
    if (stop_ids.includes(id) || model.ids.length + 1 >= context) return;
    hidden_D = model.read(id);
    await nextTask();
    if (signal.aborted) return;
  }
}
