import { liveness } from "../api/stream.ts";
import { linkTo, route } from "../state/route.ts";
import { endSession } from "../state/session.ts";
import { ProductPicker } from "./product-picker.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";

const pages = [
  { page: "fleet", name: "Fleet", alsoOn: ["devices"] },
  { page: "packages", name: "Packages", alsoOn: ["register", "apply"] },
  { page: "deployments", name: "Deployments", alsoOn: [] },
  { page: "journal", name: "Journal", alsoOn: [] },
];

/** Where one can go, for which product, and whether the page is live. */
export function Header() {
  const current = route.value.page;
  return (
    <header class="header">
      <a class="brand" href={linkTo("fleet")} aria-label="otau, to the fleet">
        <span aria-hidden="true" class="brand-mark" />
        otau
      </a>
      <nav aria-label="Pages" class="nav">
        {pages.map(({ page, name, alsoOn }) => (
          <a
            key={page}
            href={linkTo(page)}
            aria-current={page === current || alsoOn.includes(current) ? "page" : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      <div class="header-tools">
        <Liveness />
        <ProductPicker />
        <ThemeToggle />
        <a class="tool" href="./docs">
          API
        </a>
        <button type="button" class="tool" onClick={() => endSession()}>
          Sign out
        </button>
      </div>
    </header>
  );
}

const words = { off: "", connecting: "connecting", live: "live", lost: "reconnecting" };

function Liveness() {
  const state = liveness.value;
  return (
    <span class={`liveness liveness-${state}`} role="status">
      {words[state]}
    </span>
  );
}
