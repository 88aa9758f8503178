// The dashboard's script: asks for the live parts every second and puts in what changed; sends the
// forms as orders of the admin API. Everything shown comes escaped from the server or as text.
'use strict';

const said = document.getElementById('said');

let fading;

function say(text, isBad) {
  said.textContent = text;
  said.dataset.kind = isBad ? 'bad' : 'good';
  clearTimeout(fading);
  fading = setTimeout(() => { said.textContent = ''; }, isBad ? 10000 : 4000);
}

async function refresh() {
  const answer = await fetch('/dashboard/live', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of fresh.querySelectorAll('[data-live]')) {
    const old = document.getElementById(part.id);
    if (old && old.innerHTML !== part.innerHTML) old.innerHTML = part.innerHTML;
  }
}

async function watch() {
  try {
    if (!document.hidden) await refresh();
    if (document.body.classList.replace('is-cut', 'is-live')) say('已重新连接', false);
  } catch {
    document.body.classList.add('is-cut');
    say('沙箱没有应答，页面可能已过时', true);
  }
  setTimeout(watch, 1000);
}

// Fields that are empty, or that the chosen fault does not look at, are not sent.
function order(form) {
  const fields = [...new FormData(form)].filter(([name, value]) => {
    const field = form.elements[name];
    const isShown = !field.closest || !field.closest('[hidden]');
    return isShown && (value !== '' || form.hasAttribute('data-now'));
  });
  return `${form.getAttribute('action')}?${new URLSearchParams(fields)}`;
}

function showLink(link) {
  const box = document.getElementById('link');
  box.hidden = false;
  box.querySelector('a').href = link;
  box.querySelector('a').textContent = link;
  box.querySelector('img').src = `/qr.svg?text=${encodeURIComponent(link)}`;
}

async function send(form) {
  try {
    const answer = await fetch(order(form), { method: 'POST' });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    if (told.link) showLink(told.link);
    say('已执行', false);
    await refresh();
  } catch (why) {
    say(why.message, true);
  }
}

function showParts() {
  const parts = document.getElementById('kind').selectedOptions[0].dataset.parts.split(' ');
  for (const field of document.querySelectorAll('#fault [data-part]')) {
    field.hidden = field.dataset.part !== 'times' && !parts.includes(field.dataset.part);
  }
}

document.addEventListener('submit', (event) => {
  if (!event.target.hasAttribute('data-order')) return;
  event.preventDefault();
  send(event.target);
});

document.addEventListener('change', (event) => {
  if (event.target.id === 'kind') showParts();
  if (event.target.form?.hasAttribute('data-now')) send(event.target.form);
});

showParts();
watch();
