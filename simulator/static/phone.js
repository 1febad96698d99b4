// One phone: polls its screen every second, rings, and sends what the person does.
"use strict";

const msisdn = document.body.dataset.msisdn;
const el = (id) => document.getElementById(id);
const kes = (amount) => `KES ${amount.toLocaleString("en")}`;
let prompt = null;
let shownMessages = "";
let sound = null;

// Keeps "M-PESA" and account numbers in one piece.
function spell(node, text) {
  const parts = text.split(/(\S{1,18}-\S{1,18})/).map((part, place) => {
    if (place % 2 === 0) return part;
    const whole = document.createElement("span");
    whole.className = "whole";
    whole.textContent = part;
    return whole;
  });
  node.replaceChildren(...parts);
}

async function post(path, body) {
  const answer = await fetch(`/_control/phones/${msisdn}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  await look();
  return answer.json();
}

const PROGRESS = {
  validating: "The shop is being asked; the answer comes as a text message.",
  paid: "Paid.",
  wrong_pin: "Wrong PIN, nothing was paid.",
  insufficient: "Not enough money, nothing was paid.",
};

async function payBill() {
  const payment = await post("/pay", {
    account: el("bill-account").value,
    amount: Number(el("bill-amount").value),
    pin: el("bill-pin").value,
  });
  el("bill-pin").value = "";
  el("bill-said").textContent = payment.error ?? PROGRESS[payment.progress];
}

const act = (action, pin) => post("/act", pin === undefined ? { action } : { action, pin });

async function look() {
  try {
    const answer = await fetch(`/phone/${msisdn}/state`);
    draw(await answer.json());
  } catch {
    el("doing").textContent = "the simulator does not answer";
  }
}

function draw(screen) {
  el("clock").textContent = el("status-time").textContent = screen.time;
  el("date").textContent = screen.date;
  el("says").textContent = screen.says ? `By itself: ${screen.says}.` : "";
  el("balance").textContent = kes(screen.balance);
  drawMessages(screen.messages);
  drawPrompt(screen.prompt);
}

function drawPrompt(next) {
  const rings = next !== null && !next.is_ignored;
  const isNew = rings && (prompt === null || prompt.checkout_request_id !== next.checkout_request_id);
  const hasEnded = prompt !== null && next === null;
  prompt = next;
  el("prompt").hidden = !rings;
  el("ignore").disabled = !rings;
  document.body.classList.toggle("ringing", rings);
  el("doing").textContent = rings ? "ringing" : next ? `ignored, gives up in ${next.seconds_left} s` : "idle";
  if (rings) {
    el("seconds-left").textContent = `${next.seconds_left} s`;
    el("fuse").style.transform = `scaleX(${Math.min(1, next.seconds_left / next.life_s)})`;
  }
  if (isNew) {
    spell(el("prompt-text"), next.text);
    el("announce").textContent = `The phone rings. ${next.text}`;
    document.title = `Ringing · ${msisdn}`;
    el("pin").value = "";
    el("pin").focus({ preventScroll: true });
  } else if (hasEnded) {
    el("announce").textContent = "The prompt is gone.";
    document.title = `${msisdn} · phone`;
  }
  if (rings) ring();
}

function drawMessages(messages) {
  const seen = JSON.stringify(messages);
  el("idle").hidden = messages.length > 0 || prompt !== null;
  if (seen === shownMessages) return;
  shownMessages = seen;
  el("messages").replaceChildren(...messages.slice(-4).reverse().map(bubble));
}

function bubble(message) {
  const item = document.createElement("li");
  item.className = message.text.startsWith("Failed") ? "failed" : "";
  const head = document.createElement("p");
  head.className = "from";
  const name = document.createElement("strong");
  name.textContent = "MPESA";
  const time = document.createElement("time");
  time.dateTime = message.at;
  time.textContent = new Date(message.at).toLocaleTimeString("en-GB", {
    hour: "2-digit", minute: "2-digit", timeZone: "Africa/Nairobi",
  });
  head.append(name, time);
  const text = document.createElement("p");
  spell(text, message.text);
  item.append(head, text);
  return item;
}

function ring() {
  if (navigator.vibrate && sound) navigator.vibrate([120, 80, 120]);
  if (!sound) return;
  const start = sound.currentTime;
  for (const [offset, pitch] of [[0, 880], [0.18, 1109]]) {
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, start + offset);
    volume.gain.exponentialRampToValueAtTime(0.12, start + offset + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + offset + 0.16);
    tone.connect(volume).connect(sound.destination);
    tone.start(start + offset);
    tone.stop(start + offset + 0.18);
  }
}

// Browsers allow sound only after somebody touched the page.
el("sound").addEventListener("click", () => {
  if (sound) sound.close();
  sound = sound ? null : new AudioContext();
  el("sound").textContent = sound ? "Sound on" : "Sound off";
  el("sound").setAttribute("aria-pressed", String(sound !== null));
});
el("pin-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (el("pin").value) act("approve", el("pin").value);
});
el("paybill").addEventListener("submit", (event) => {
  event.preventDefault();
  payBill();
});
el("cancel").addEventListener("click", () => act("cancel"));
el("ignore").addEventListener("click", () => act("ignore"));
el("broke").addEventListener("click", () => post("", { balance: 0 }));
el("refill").addEventListener("click", () => post("", { balance: 100000 }));

look();
setInterval(look, 1000);
