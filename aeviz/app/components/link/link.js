// Keeps a person's token in a cookie, tells whether there is WebGL, and says in one sentence when
// the server is not reached.

const MONTH = 30 * 24 * 3600; // seconds
const GRACE_MS = 1500; // a line that is back sooner is nobody's trouble
const TEXT =
  "No connection to aeviz. What you do now is not heard; what trains goes on. " +
  "This page connects again by itself.";

// Returns the token that is kept: of two tabs that were opened at once, the first one's.
// The path is the app's, also below a prefix.
function keep({ cookie, owner, replace }) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${cookie}=`));
  const known = found?.slice(cookie.length + 1);
  const kept = known && !replace ? known : owner;
  const path = location.pathname.replace(/[^/]*$/, "");
  document.cookie = `${cookie}=${kept}; path=${path}; max-age=${MONTH}; SameSite=Lax`;
  return kept;
}

class Line {
  constructor() {
    this.app = document.querySelector('[data-testid="stApp"]');
    this.look = () => this.changed();
    this.watcher = new MutationObserver(this.look);
    if (this.app)
      this.watcher.observe(this.app, { attributeFilter: ["data-test-connection-state"] });
    for (const event of ["online", "offline"]) addEventListener(event, this.look);
    this.changed();
  }

  get cut() {
    const state = this.app?.getAttribute("data-test-connection-state") ?? "CONNECTED";
    return !navigator.onLine || state !== "CONNECTED";
  }

  changed() {
    clearTimeout(this.timer);
    if (!this.cut) this.say(false);
    else this.timer = setTimeout(() => this.say(this.cut), GRACE_MS);
  }

  say(cut) {
    if (cut && !this.sentence) {
      this.sentence = document.createElement("div");
      this.sentence.className = "aeviz-offline";
      this.sentence.setAttribute("role", "alert");
      this.sentence.textContent = TEXT;
      document.body.append(this.sentence);
    } else if (!cut) {
      this.sentence?.remove();
      this.sentence = null;
    }
  }

  end() {
    clearTimeout(this.timer);
    this.watcher.disconnect();
    for (const event of ["online", "offline"]) removeEventListener(event, this.look);
    this.say(false);
  }
}

const lines = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  const kept = keep(data);
  if (kept !== data.owner) setStateValue("owner", kept);
  if (!lines.has(parentElement)) {
    lines.set(parentElement, new Line());
    if (!hasWebGL()) setStateValue("webgl", false);
  }
  return () => {
    lines.get(parentElement)?.end();
    lines.delete(parentElement);
  };
}
