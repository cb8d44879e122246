// The chat page: conversations stay in this browser; answers come from the server that served the page.

const TEXTS = {
  tr: {
    conversations: "Konuşmalar", conversation: "Konuşma", model: "Model", new: "Yeni", settings: "Ayarlar",
    system: "Sistem iletisi", temperature: "Sıcaklık", max_tokens: "En fazla token", seed: "Seed",
    confidence: "Her tokenin olasılığını göster", message: "İleti", send: "Gönder", stop: "Durdur",
    token: "Bu sunucunun erişim anahtarı", ok: "Tamam", copy: "Kopyala", copied: "Kopyalandı", retry: "Yeniden",
    edit: "Düzenle", go_on: "Devam et", remove: "Sil", cut: "yarıda kaldı", stopped: "durduruldu",
    speed: "{n} token, saniyede {s}", answering: "Cevap geliyor…", you: "Siz", answer: "Cevap",
    hint_chat: "Bir şey yazın. Model küçüktür: eğitim metninde olanı bilir, gerisini uydurabilir.",
    hint_base: "Bir başlangıç yazın, model devam ettirir.", of: "{p} olasılık", placeholder: "Yazın…",
    examples_chat: ["merhaba", "sen kimsin?", "neler biliyorsun?"], examples_base: ["Bir gün", "Bir varmış bir yokmuş,"],
    gone: "Sunucuya ulaşılamıyor. Çalışıyor mu?", queue_full: "Sunucu dolu. Biraz sonra yeniden deneyin.",
    context_length_exceeded: "İleti bu modelin okuyabildiğinden uzun. Kısaltın.", untitled: "Yeni konuşma",
    too_slow: "Cevap çok uzun sürdü.", language: "English", docs: "Belgelerden", passages: "Bulunan yerler",
    line: "{n}. satır", page: "{n}. sayfa", row: "{n}. kayıt", paragraph: "{n}. paragraf",
  },
  en: {
    conversations: "Conversations", conversation: "Conversation", model: "Model", new: "New", settings: "Settings",
    system: "System message", temperature: "Temperature", max_tokens: "Most tokens", seed: "Seed",
    confidence: "Show each token's probability", message: "Message", send: "Send", stop: "Stop",
    token: "This server's secret", ok: "OK", copy: "Copy", copied: "Copied", retry: "Retry",
    edit: "Edit", go_on: "Continue", remove: "Delete", cut: "cut off", stopped: "stopped",
    speed: "{n} tokens, {s} a second", answering: "Answering…", you: "You", answer: "Answer",
    hint_chat: "Write something. The model is small: it knows its training text, and may make up the rest.",
    hint_base: "Write a beginning, and the model goes on.", of: "probability {p}", placeholder: "Write…",
    examples_chat: ["merhaba", "sen kimsin?", "neler biliyorsun?"], examples_base: ["Bir gün", "Bir varmış bir yokmuş,"],
    gone: "The server cannot be reached. Is it running?", queue_full: "The server is full. Try again soon.",
    context_length_exceeded: "The message is longer than this model can read. Shorten it.", untitled: "New conversation",
    too_slow: "The answer took too long.", language: "Türkçe", docs: "From documents", passages: "What was found",
    line: "line {n}", page: "page {n}", row: "row {n}", paragraph: "paragraph {n}",
  },
};
const DEFAULTS = { system: "", temperature: 0.5, top_p: 0.95, min_p: 0.1, max_tokens: "", seed: "", confidence: true, docs: false };
const STORE = "tezgah", RIVALS = 5, LOW = 0.3, MID = 0.7;

const $ = (id) => document.getElementById(id);
const saved = JSON.parse(localStorage.getItem(STORE) || "{}");
const state = {
  conversations: saved.conversations || [],
  current: saved.current || null,
  settings: { ...DEFAULTS, ...saved.settings },
  model: saved.model || "",
  language: saved.language || (navigator.language.startsWith("tr") ? "tr" : "en"),
};
let models = [];
let hasDocuments = false;
let running = null; // the AbortController of the answer that comes
let shown = null; // the token whose rivals are shown

const say = (key, places = {}) =>
  TEXTS[state.language][key].replace(/\{(\w)\}/g, (_, name) => places[name]);
const percent = (p) => {
  const shown = Math.max(p, 0.001).toLocaleString(state.language, { style: "percent", maximumFractionDigits: p < 0.1 ? 1 : 0 });
  return p < 0.001 ? `< ${shown}` : shown;
};
const current = () => state.conversations.find((one) => one.id === state.current);
const isBase = () => models.find((one) => one.id === state.model)?.kind === "base";

// Another tab may have changed what is stored: its conversations are kept, and what it removed is gone.
let seen = new Set(state.conversations.map((one) => one.id));

function merge() {
  const stored = JSON.parse(localStorage.getItem(STORE) || "{}").conversations || [];
  const own = new Set(state.conversations.map((one) => one.id)), others = new Set(stored.map((one) => one.id));
  const added = stored.filter((one) => !own.has(one.id) && !seen.has(one.id));
  const kept = state.conversations.filter((one) => others.has(one.id) || !seen.has(one.id) || one.id === state.current);
  state.conversations = [...kept, ...added];
  seen = new Set([...seen, ...others, ...own]);
}

function save() {
  merge();
  const data = { ...state };
  for (;;) {
    try {
      localStorage.setItem(STORE, JSON.stringify(data));
      return;
    } catch { // full: probabilities go first, then the oldest conversations
      const heavy = data.conversations.findLast((one) => one.messages.some((message) => message.tokens));
      if (heavy) heavy.messages.forEach((message) => delete message.tokens);
      else if (data.conversations.length > 1) data.conversations.pop();
      else return;
    }
  }
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// --- Drawing ---

function drawTexts() {
  document.documentElement.lang = state.language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  $("message").placeholder = say("placeholder");
  $("language").textContent = say("language");
  $("language").lang = state.language === "tr" ? "en" : "tr";
}

function drawList() {
  $("list").replaceChildren(...state.conversations.map((one) => {
    const open = make("button", { className: "quiet", textContent: one.title || say("untitled") });
    if (one.id === state.current) open.setAttribute("aria-current", "true");
    open.onclick = () => { stop(); state.current = one.id; save(); draw(); closeMenu(); };
    const remove = make("button", { className: "quiet", textContent: "×" });
    remove.setAttribute("aria-label", `${say("remove")}: ${open.textContent}`);
    remove.onclick = () => {
      if (one.id === state.current) { stop(); state.current = null; }
      state.conversations = state.conversations.filter((other) => other !== one);
      save(); draw();
    };
    return make("li", {}, open, remove);
  }));
}

function drawToken(token) {
  const p = Math.exp(token.logprob);
  const span = make("span", { className: `t${p < LOW ? " low" : p < MID ? " mid" : ""}`, textContent: token.text });
  span.token = token;
  return span;
}

function drawText(message) {
  const text = make("div", { className: "text" });
  if (message.begun) text.append(make("span", { className: "begun", textContent: message.begun }));
  if (message.tokens) text.append(...message.tokens.map(drawToken));
  else text.append(message.content);
  return text;
}

function describePlace(passage) {
  const place = `${passage.path}, ${say(passage.place_kind, { n: passage.place })}`;
  return [place, passage.title, passage.heading].filter(Boolean).join("  ");
}

// Where an answer out of documents stands, and the passages that were found, closed until they are wanted.
function drawSources(found) {
  const sources = make("div", { className: "sources" });
  if (found.quote) sources.append(make("p", { textContent: `— ${describePlace(found.quote)}` }));
  if (!found.passages.length) return sources;
  const details = make("details", {}, make("summary", { textContent: say("passages") }));
  for (const passage of found.passages) {
    const text = make("blockquote");
    let at = 0;
    const letters = [...passage.text]; // places are counted in characters
    for (const [start, end] of passage.spans) {
      text.append(letters.slice(at, start).join(""), make("mark", { textContent: letters.slice(start, end).join("") }));
      at = end;
    }
    text.append(letters.slice(at).join(""));
    details.append(make("p", { textContent: describePlace(passage) }), text);
  }
  sources.append(details);
  return sources;
}

function drawTurn(message, index, messages) {
  const turn = make("article", { className: `turn ${message.role}` });
  turn.setAttribute("aria-label", say(message.role === "user" ? "you" : "answer"));
  turn.append(drawText(message));
  if (message.found) turn.append(drawSources(message.found));
  const tools = make("div", { className: "tools" });
  const tool = (key, action) => {
    const button = make("button", { className: "quiet", textContent: say(key), type: "button" });
    button.onclick = () => action(button);
    tools.append(button);
  };
  const isLast = index === messages.length - 1;
  if (!(isLast && running)) {
    if (navigator.clipboard) { // not where the page came without encryption from another machine
      tool("copy", async (button) => {
        await navigator.clipboard.writeText((message.begun || "") + message.content);
        button.textContent = say("copied");
      });
    }
    if (message.role === "user") tool("edit", () => editMessage(index));
    if (message.role === "assistant" && isLast) {
      if (!message.found) tool("retry", () => { messages.splice(index); answer(true); });
      if (message.end !== "stop") tool("go_on", () => answer(false, message));
    }
  }
  if (message.end === "length") tools.append(make("span", { textContent: say("cut") }));
  if (message.end === "stopped") tools.append(make("span", { textContent: say("stopped") }));
  if (message.speed) tools.append(make("span", { textContent: say("speed", message.speed) }));
  turn.append(tools);
  return turn;
}

function drawHint() {
  const kind = isBase() ? "base" : "chat";
  const hint = make("div", { className: "empty" }, make("p", { textContent: say(`hint_${kind}`) }));
  for (const text of TEXTS[state.language][`examples_${kind}`]) {
    const button = make("button", { textContent: text, type: "button", lang: "tr" });
    button.onclick = () => send(text);
    hint.append(button);
  }
  return hint;
}

function draw() {
  drawTexts();
  drawList();
  $("model").replaceChildren(...models.map((one) => make("option", { value: one.id, textContent: one.id, selected: one.id === state.model })));
  const messages = current()?.messages || [];
  $("log").replaceChildren(...(messages.length ? messages.map(drawTurn) : [drawHint()]));
  $("log").classList.toggle("show-confidence", state.settings.confidence);
  $("log").scrollTop = $("log").scrollHeight;
  $("send").hidden = Boolean(running);
  $("stop").hidden = !running;
  $("status").textContent = running ? say("answering") : "";
}

function showError(error) {
  const known = TEXTS[state.language][error.code];
  const alert = make("p", { className: "error", textContent: known || error.message });
  alert.setAttribute("role", "alert");
  $("log").append(alert);
  alert.scrollIntoView();
}

function showRivals(event) {
  const token = event.target.token;
  $("rivals").hidden = !(token && state.settings.confidence);
  if ($("rivals").hidden) return;
  const table = make("table");
  for (const [text, logprob] of token.rivals) {
    const row = make("tr", { className: text === token.text ? "chosen" : "" });
    row.append(make("td", { textContent: JSON.stringify(text).slice(1, -1) }), make("td", { textContent: percent(Math.exp(logprob)) }));
    table.append(row);
  }
  $("rivals").replaceChildren(make("div", { textContent: say("of", { p: percent(Math.exp(token.logprob)) }) }), table);
  const box = event.target.getBoundingClientRect(), size = $("rivals").getBoundingClientRect();
  const above = box.top - size.height - 8;
  $("rivals").style.left = `${Math.max(8, Math.min(box.left, innerWidth - size.width - 8))}px`;
  $("rivals").style.top = `${above > 8 ? above : box.bottom + 8}px`;
}

// --- Asking ---

async function call(path, body, signal) {
  const options = { signal, headers: { "Content-Type": "application/json" } };
  const token = sessionStorage.getItem("token");
  if (token) options.headers.Authorization = `Bearer ${token}`;
  if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    sessionStorage.removeItem("token"); // it may be what cannot be sent
    throw error.name === "AbortError" ? error : { code: "gone" };
  }
  if (response.status === 401) {
    await askToken();
    return call(path, body, signal);
  }
  if (!response.ok) throw (await response.json()).error;
  return response;
}

function askToken() {
  $("ask-token").showModal();
  return new Promise((resolve) => {
    $("ask-token").onclose = () => { sessionStorage.setItem("token", $("token").value); resolve(); };
  });
}

async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "";;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.slice("data: ".length);
      if (data === "[DONE]") return;
      const parsed = JSON.parse(data);
      if (parsed.error) throw parsed.error;
      yield parsed;
    }
  }
}

function makeRequest(messages, goesOn) {
  const { settings } = state;
  const body = { model: state.model, stream: true };
  for (const key of ["temperature", "top_p", "min_p", "max_tokens", "seed"]) {
    if (settings[key] !== "") body[key] = Number(settings[key]);
  }
  if (isBase()) {
    body.max_tokens ??= 100;
    return ["v1/completions", { ...body, prompt: messages.map((one) => (one.begun || "") + one.content).join(""), logprobs: RIVALS }];
  }
  const talk = messages.map(({ role, content }) => ({ role, content }));
  if (settings.system.trim()) talk.unshift({ role: "system", content: settings.system });
  return ["v1/chat/completions", { ...body, messages: talk, logprobs: true, top_logprobs: RIVALS, truncation: "auto", continue_final_message: goesOn }];
}

// Tokens of a piece with their rivals. Bytes of one letter are shown as one token.
function readTokens(choice, text) {
  let tokens;
  if (choice.logprobs?.content) {
    tokens = choice.logprobs.content.map((one) => ({ text: one.token, logprob: one.logprob, rivals: one.top_logprobs.map((rival) => [rival.token, rival.logprob]) }));
  } else if (choice.logprobs) {
    const { tokens: texts, token_logprobs: logprobs, top_logprobs: rivals } = choice.logprobs;
    const sort = (one) => Object.entries(one).sort((a, b) => b[1] - a[1]);
    tokens = texts.map((token, i) => ({ text: token, logprob: logprobs[i], rivals: sort(rivals[i]) }));
  } else tokens = [];
  if (tokens.map((token) => token.text).join("") === text) return tokens;
  if (!text) return [];
  const logprob = tokens.reduce((sum, token) => sum + token.logprob, 0);
  return [{ text, logprob, rivals: [[text, logprob]] }];
}

async function askDocuments() {
  const { messages } = current();
  const conversation = state.current;
  running = new AbortController();
  draw();
  try {
    const body = { question: messages.at(-1).content };
    const found = await (await call("v1/ask", body, running.signal)).json();
    if (!found.is_for_documents) { // a greeting, say
      running = null;
      await answer();
      return;
    }
    messages.push({ role: "assistant", content: found.answer, end: "stop", found });
  } catch (error) {
    if (error.name !== "AbortError" && state.current === conversation) { running = null; draw(); showError(error); return; }
  }
  running = null;
  save();
  if (state.current === conversation) draw();
  $("message").focus();
}

async function answer(again = false, message = null) {
  if (running) return;
  const { messages } = current();
  const [path, body] = makeRequest(messages, Boolean(message));
  if (again && state.settings.seed === "") body.seed = Math.floor(Math.random() * 1e9);
  if (!message) {
    message = { role: "assistant", content: "", tokens: [] };
    if (isBase()) message.begun = messages.pop().content;
    messages.push(message);
  }
  message.tokens ||= message.content ? [{ text: message.content, logprob: 0, rivals: [] }] : [];
  message.end = "";
  const controller = running = new AbortController();
  const conversation = state.current, began = performance.now();
  let count = 0;
  draw();
  const text = $("log").lastElementChild.querySelector(".text");
  try {
    for await (const event of readEvents(await call(path, body, controller.signal))) {
      const choice = event.choices[0];
      const piece = choice.delta ? choice.delta.content || "" : choice.text;
      const tokens = readTokens(choice, piece);
      count += (choice.logprobs?.content || choice.logprobs?.tokens || []).length;
      message.content += piece;
      message.tokens.push(...tokens);
      const isAtEnd = $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 80;
      text.append(...tokens.map(drawToken));
      if (isAtEnd) $("log").scrollTop = $("log").scrollHeight;
      message.end = choice.finish_reason || message.end;
    }
  } catch (error) {
    message.end ||= "stopped";
    const at = messages.indexOf(message); // -1 where its question is edited meanwhile
    if (at >= 0 && !message.content) messages.splice(at, 1, ...(message.begun ? [{ role: "user", content: message.begun }] : []));
    running = null;
    if (state.current === conversation) { draw(); if (error.name !== "AbortError") showError(error); }
  }
  if (count) message.speed = { n: count, s: Math.round(count / ((performance.now() - began) / 1000)) };
  running = null;
  save();
  if (state.current === conversation && !$("log").querySelector(".error")) draw();
  $("message").focus();
}

function send(text) {
  text = text.trim();
  if (!text || running) return;
  if (!current()) {
    const one = { id: crypto.randomUUID?.() || String(Date.now()), title: text.slice(0, 60), messages: [] };
    state.conversations.unshift(one);
    state.current = one.id;
  }
  current().messages.push({ role: "user", content: text });
  $("message").value = "";
  grow();
  save();
  if (hasDocuments && state.settings.docs) askDocuments();
  else answer();
}

function editMessage(index) {
  stop();
  const removed = current().messages.splice(index);
  $("message").value = removed[0].content;
  save(); draw(); grow();
  $("message").focus();
}

function stop() { running?.abort(); running = null; }
function grow() { const box = $("message"); box.style.height = "auto"; box.style.height = `${box.scrollHeight + 2}px`; }
function closeMenu() { $("side").classList.remove("open"); $("menu").setAttribute("aria-expanded", "false"); }

// --- What people press ---

$("form").onsubmit = (event) => { event.preventDefault(); send($("message").value); };
$("message").oninput = grow;
$("message").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send($("message").value);
};
$("stop").onclick = () => stop();
$("new").onclick = () => { stop(); state.current = null; save(); draw(); closeMenu(); $("message").focus(); };
$("model").onchange = () => { stop(); state.model = $("model").value; state.current = null; save(); draw(); };
$("language").onclick = () => { state.language = state.language === "tr" ? "en" : "tr"; save(); draw(); };
$("menu").onclick = () => $("menu").setAttribute("aria-expanded", String($("side").classList.toggle("open")));
$("open-settings").onclick = () => {
  $("settings").hidden = !$("settings").hidden;
  $("open-settings").setAttribute("aria-expanded", String(!$("settings").hidden));
};
for (const key of Object.keys(DEFAULTS)) {
  const isCheck = $(key).type === "checkbox";
  $(key)[isCheck ? "checked" : "value"] = state.settings[key];
  $(key).oninput = () => {
    if (!isCheck && !$(key).checkValidity()) return;
    state.settings[key] = isCheck ? $(key).checked : $(key).value;
    save();
    $("log").classList.toggle("show-confidence", state.settings.confidence);
  };
}
$("log").onmouseover = showRivals;
$("log").onmouseleave = () => { $("rivals").hidden = true; };
// With the log in focus, the arrow keys walk through the tokens of the last answer.
$("log").onkeydown = (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const tokens = [...$("log").querySelectorAll(".turn:last-child .t")];
  if (event.key === "Escape") $("rivals").hidden = true;
  if (!step || !tokens.length) return;
  event.preventDefault();
  const at = tokens.indexOf(shown);
  shown = tokens[Math.max(0, Math.min(tokens.length - 1, at + step))];
  showRivals({ target: shown });
};

drawTexts();
try {
  models = (await (await call("v1/models")).json()).data.filter((one) => one.kind !== "encoder");
  if (!models.some((one) => one.id === state.model)) state.model = models[0].id;
  hasDocuments = (await (await call("health")).json()).documents;
  $("from-docs").hidden = !hasDocuments;
  draw();
} catch (error) {
  showError(error);
}
$("message").focus();
