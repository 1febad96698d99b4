// Fetches the report with a log-in that is kept in this page's memory alone, and shows it where nothing can run.
const element = (id) => document.getElementById(id);
let token = "";

const day = (daysAgo) =>
  new Date(Date.now() - daysAgo * 86400000).toLocaleDateString("en-CA", { timeZone: "Africa/Nairobi" });
element("from").value = day(6);
element("to").value = day(0);

async function answerOf(response) {
  if (response.ok) return response;
  const problem = await response.json();
  const fields = Object.entries(problem.errors || {}).map(([name, faults]) => `${name}: ${[].concat(faults).join(" ")}`);
  throw Object.assign(new Error([problem.error, ...fields].join(" ")), { status: response.status });
}

async function logIn() {
  const response = await fetch("/api/auth/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email: element("email").value, password: element("password").value }),
  });
  token = (await (await answerOf(response)).json()).access_token;
  element("password").value = "";
  setLoggedIn(true);
}

function setLoggedIn(isIn) {
  for (const field of document.querySelectorAll(".login")) {
    field.hidden = isIn;
    field.querySelector("input").required = !isIn;
  }
  if (!isIn) token = "";
}

async function show() {
  if (!token) await logIn();
  const days = new URLSearchParams({ from: element("from").value, to: element("to").value });
  const response = await fetch(`/api/payment/report?${days}`, { headers: { Authorization: `Bearer ${token}` } });
  element("page").srcdoc = await (await answerOf(response)).text();
  element("page").hidden = element("print").hidden = false;
}

element("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  element("said").textContent = "One moment.";
  try {
    await show();
    element("said").textContent = "";
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) setLoggedIn(false);
    element("said").textContent = problem.message;
  }
});
element("print").addEventListener("click", () => element("page").contentWindow.print());
