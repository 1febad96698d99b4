// The list of phones: who rings, looked up every second.
"use strict";

const list = document.getElementById("phones");
const none = document.getElementById("none");
let shown = "";

function card(phone) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `/phone/${phone.msisdn}`;
  const rings = phone.prompt && !phone.prompt.is_ignored;
  link.className = rings ? "ringing" : "";
  const number = document.createElement("strong");
  number.textContent = phone.msisdn;
  const state = document.createElement("span");
  state.textContent = rings
    ? `rings: KES ${phone.prompt.amount.toLocaleString("en")}`
    : phone.prompt ? "ignored, ringing out" : `KES ${phone.balance.toLocaleString("en")}`;
  link.append(number, state);
  item.append(link);
  return item;
}

async function look() {
  try {
    const { phones } = await (await fetch("/phone/state")).json();
    const seen = JSON.stringify(phones.map((p) => [p.msisdn, p.balance, p.prompt && p.prompt.status]));
    if (seen !== shown) {
      shown = seen;
      none.hidden = phones.length > 0;
      list.replaceChildren(...phones.map(card));
    }
  } catch {
    // The simulator was stopped or is starting again: keep what was shown.
  }
  setTimeout(look, 1000);
}

look();
