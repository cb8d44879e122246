// What is on the screen: the conversation, which lives in this tab alone, and the tokens of each answer.

const LOW = 0.3, MID = 0.7; // probabilities below which a token is underlined
const EXAMPLES = ["Merhaba!", "Sen kimsin?", "Van'ın plakası kaç?"];

const $ = (id) => document.getElementById(id);
const config = JSON.parse($("description").textContent);
const tokenizer = new Tokenizer(config);
let model = null; // until the weights are read
let messages = []; // { role, content }; those of the assistant have tokens, end, speed
let seenFrom = 0; // the message that the model's context begins with
let running = null; // the AbortController of the answer that comes
let described = null; // the token whose rivals are shown

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function showNumber(number, digits = 0) {
  return number.toLocaleString("tr", { maximumFractionDigits: digits });
}

function showPercent(share) {
  if (share < 0.001) return "< %0,1";
  const digits = share < 0.0995 ? 1 : 0;
  return share.toLocaleString("tr", { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// A token as the vocabulary has it, with a sign for what cannot be seen.
function showPiece(id) {
  if (config.stop_ids.includes(id)) return "cevabın sonu";
  if (tokenizer.isByte(id)) {
    const byte = id - config.first_byte;
    return byte === 10 ? "satır sonu" : `${byte.toString(16).toUpperCase().padStart(2, "0")} baytı`;
  }
  return tokenizer.pieces[id].replaceAll("\u2581", "␣");
}

// Where the button that was pressed goes away. On a phone the box would bring the keyboard over the answer.
function moveFocus() { $(matchMedia("(pointer: coarse)").matches ? "log" : "message").focus(); }

// --- Drawing ---

function drawToken({ text, choices }) {
  const probability = choices.reduce((product, choice) => product * choice.probability, 1);
  const span = make("span", { className: "t", textContent: text });
  if (probability < MID) span.classList.add(probability < LOW ? "low" : "mid");
  return Object.assign(span, { choices, probability });
}

function drawTurn(message, index) {
  const turn = make("article", { className: `turn ${message.role}` });
  turn.setAttribute("aria-label", message.role === "user" ? "Siz" : "Cevap");
  const text = make("div", { className: "text" });
  text.append(...(message.tokens ? message.tokens.map(drawToken) : [message.content]));
  if (text.firstElementChild) text.firstElementChild.tabIndex = 0; // the arrow keys reach the others
  turn.append(text);
  if (message.role === "user") return turn;
  const isLast = index === messages.length - 1;
  const tools = make("div", { className: "tools" });
  if (message.end) tools.append(make("span", { textContent: message.end }));
  if (message.speed) tools.append(make("span", { textContent: message.speed }));
  if (isLast && !running) {
    const again = make("button", { className: "quiet", type: "button", textContent: "Yeniden cevapla" });
    again.onclick = () => { messages.pop(); answer(); moveFocus(); };
    tools.append(again);
  }
  turn.append(tools);
  return turn;
}

function drawExamples() {
  const examples = make("div", { className: "empty" }, make("p", { textContent: "Bir şey yazın ya da bir örnekle başlayın:" }));
  for (const text of EXAMPLES) {
    const button = make("button", { type: "button", textContent: text, disabled: !model });
    button.onclick = () => { send(text); moveFocus(); };
    examples.append(button);
  }
  return examples;
}

function draw() {
  hideRivals();
  const turns = messages.map(drawTurn);
  $("log").replaceChildren(...(turns.length ? turns : [drawExamples()]));
  if (seenFrom) {
    turns[seenFrom].before(make("p", { className: "forgotten", textContent: "Model buradan öncesini artık görmüyor." }));
  }
  $("log").scrollTop = $("log").scrollHeight;
  $("send").textContent = running ? "Durdur" : "Gönder";
  $("send").disabled = !model;
}

function showError(text) {
  $("log").querySelector(".error")?.remove();
  const alert = make("p", { className: "error", textContent: text });
  alert.setAttribute("role", "alert");
  $("log").append(alert);
  $("log").scrollTop = $("log").scrollHeight;
}

// --- A token's probability and rivals ---

function hideRivals() {
  described = null;
  $("rivals").hidden = true;
}

// Those of a token in focus stay, whatever the mouse does, and follow it where the log scrolls.
function hideUnfocused() {
  if (described && described === document.activeElement) placeRivals();
  else hideRivals();
}

function showRivals(event) {
  const { choices, probability } = event.target;
  if (!choices) return hideUnfocused();
  described = event.target;
  const [first] = choices;
  $("rivals").replaceChildren(make("div", { textContent: `Seçilenin olasılığı ${showPercent(probability)}` }));
  if (choices.length > 1) { // a character without a piece
    $("rivals").append(make("div", { textContent: `${choices.length} bayttan oluşuyor: ${choices.map(({ id }) => showPiece(id).split(" ")[0]).join(" ")}` }));
  } else {
    const isShown = first.rivals.some(([id]) => id === first.id);
    const rows = isShown ? first.rivals : [...first.rivals, [first.id, first.probability]];
    $("rivals").append(make("table", {}, make("caption", { textContent: "En olası token'lar" }), ...rows.map(([id, share]) => {
      const bar = make("span", { className: "bar" });
      bar.style.width = `${Math.max(share * 100, 1)}%`;
      const row = make("tr", {}, make("td", { textContent: showPiece(id) }), make("td", { className: "bars" }, bar), make("td", { textContent: showPercent(share) }));
      if (id === first.id) row.className = "chosen";
      return row;
    })));
  }
  $("rivals").hidden = false;
  placeRivals();
}

function placeRivals() {
  const token = described.getClientRects()[0], box = $("rivals").getBoundingClientRect();
  const above = token.top - box.height - 8;
  $("rivals").style.left = `${Math.max(8, Math.min(token.left, innerWidth - box.width - 8))}px`;
  $("rivals").style.top = `${above > 8 ? above : token.bottom + 8}px`;
}

// One token of each answer is reached by Tab; this makes it another one.
function focusToken(token) {
  for (const other of token.parentElement.querySelectorAll("[tabindex]")) {
    other.removeAttribute("tabindex");
    other.removeAttribute("aria-describedby");
  }
  token.tabIndex = 0;
  token.setAttribute("aria-describedby", "rivals");
  token.focus();
}

$("log").onmouseover = showRivals;
$("log").onmouseleave = $("log").onscroll = hideUnfocused;
$("log").addEventListener("focusin", showRivals);
$("log").addEventListener("focusout", hideRivals);
$("log").onclick = (event) => { if (event.target.choices) focusToken(event.target); };
$("log").onkeydown = (event) => {
  if (!event.target.choices) return;
  const { previousElementSibling, nextElementSibling, parentElement } = event.target;
  const token = {
    ArrowRight: nextElementSibling, ArrowLeft: previousElementSibling,
    Home: parentElement.firstElementChild, End: parentElement.lastElementChild,
  }[event.key];
  if (!token) return;
  event.preventDefault();
  focusToken(token);
};

// --- Answering ---

function send(text) {
  text = normalizeText(text).trim();
  if (!text || running || !model) return;
  const { ids, tokens, most } = fitConversation(tokenizer, [...messages, { role: "user", content: text }], config.context);
  if (!ids) {
    showError(`Bu ileti ${showNumber(tokens)} token, model ise en çok ${showNumber(most)} token'lık bir ileti okuyabiliyor. Biraz kısaltın.`);
    return;
  }
  messages.push({ role: "user", content: text });
  $("message").value = "";
  fitHeight();
  answer();
}

async function answer() {
  const { ids, start } = fitConversation(tokenizer, messages, config.context);
  const message = { role: "assistant", content: "", tokens: [], end: "durduruldu" };
  const controller = running = new AbortController();
  messages.push(message);
  seenFrom = start;
  draw();
  $("status").textContent = "Cevap yazılıyor…";
  const text = $("log").lastElementChild.querySelector(".text");
  const stream = new TextStream(tokenizer);
  let waiting = []; // bytes of a character that is not whole
  let chosen = 0, began = 0; // tokens, the one that ends the answer too
  const sampling = { ...config.sampling, temperature: Number($("temperature").value) };
  for await (const choice of generate(model, ids, sampling, controller.signal)) {
    began ||= performance.now(); // the first token has waited for the prompt
    chosen++;
    if (config.stop_ids.includes(choice.id)) { message.end = ""; break; }
    waiting.push(choice);
    const piece = stream.add(choice.id);
    if (!piece) continue;
    const token = { text: piece, choices: waiting };
    waiting = [];
    message.content += piece;
    message.tokens.push(token);
    const isAtEnd = $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 80;
    text.append(drawToken(token));
    if (isAtEnd) $("log").scrollTop = $("log").scrollHeight;
  }
  if (!messages.includes(message)) return; // a new conversation has begun
  if (message.end && !controller.signal.aborted) message.end = "yarıda kaldı: modelin görebildiği uzunluk doldu";
  if (!message.content) message.end ||= "boş cevap";
  if (chosen > 1) {
    const seconds = (performance.now() - began) / 1000;
    message.speed = `${showNumber(chosen)} token, ${showNumber((chosen - 1) / seconds)} token/sn`;
  }
  running = null;
  draw();
  $("status").textContent = "";
  $("finished").textContent = `Cevap: ${message.content}`;
}

function stop() { running?.abort(); }

function startAnew() {
  stop();
  running = null;
  messages = [];
  seenFrom = 0;
  $("status").textContent = $("finished").textContent = "";
  draw();
  moveFocus();
}

// --- What people press ---

function fitHeight() {
  $("message").style.height = "auto";
  $("message").style.height = `${$("message").scrollHeight + 2}px`;
}

function showTemperature() { $("shown-temperature").textContent = showNumber(Number($("temperature").value), 1); }

$("form").onsubmit = (event) => {
  event.preventDefault();
  if (running) stop();
  else send($("message").value);
};
$("message").oninput = fitHeight;
$("message").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send($("message").value);
};
$("temperature").oninput = showTemperature;
$("new").onclick = startAnew;
document.onkeydown = (event) => {
  if (event.key !== "Escape") return;
  if (described) hideRivals();
  else stop();
};

// --- Start ---

$("size").textContent = `${showNumber(config.parameters / 1e6, 1)} milyon parametre`;
$("vocabulary").textContent = showNumber(config.pieces.length);
$("context").textContent = showNumber(config.context);
$("temperature").value = config.sampling.temperature;
showTemperature();
draw();
await nextTask(); // the page is seen before the weights are read
try {
  model = new Model(config, decodeBase64($("weights").textContent));
  $("weights").remove(); // its text takes more memory than the weights
  draw();
} catch {
  showError("Model okunamadı: dosya yarım kalmış ya da bozulmuş. Yeniden indirin.");
}
$("status").textContent = "";

// For the console: tezgah.encode("Merhaba!"), tezgah.decode([300, 301]), tezgah.logits([1, 5, 300]).
window.tezgah = {
  config, tokenizer, model,
  encode: (text) => tokenizer.encode(normalizeText(text)),
  decode: (ids) => tokenizer.decode(ids),
  logits: (ids) => {
    let hidden;
    for (const id of model.resume(ids)) hidden = model.read(id);
    return model.score(hidden);
  },
};
