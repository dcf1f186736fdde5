import { lazy, Suspense } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { DevicePage } from "./pages/device.tsx";
import { FleetPage } from "./pages/fleet.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { Announcer } from "./parts/announcer.tsx";
import { Header } from "./parts/header.tsx";
import { StoreBanner } from "./parts/store-banner.tsx";
import { type Route, route } from "./state/route.ts";
import { token } from "./state/session.ts";

// The fleet is what is looked at first; the rest is fetched when it is asked for.
const PackagesPage = lazy(async () => ({ default: (await import("./pages/packages.tsx")).PackagesPage }));
const PackagePage = lazy(async () => ({ default: (await import("./pages/package.tsx")).PackagePage }));
const RegisterPage = lazy(async () => ({ default: (await import("./pages/register.tsx")).RegisterPage }));
const ApplyPage = lazy(async () => ({ default: (await import("./pages/apply.tsx")).ApplyPage }));
const DeploymentsPage = lazy(async () => ({
  default: (await import("./pages/deployments.tsx")).DeploymentsPage,
}));
const DeploymentPage = lazy(async () => ({
  default: (await import("./pages/deployment.tsx")).DeploymentPage,
}));
const JournalPage = lazy(async () => ({ default: (await import("./pages/journal.tsx")).JournalPage }));

/** The whole console: sign in, else the page that the hash names. */
export function App() {
  return token.value === "" ? <SignInPage /> : <Shell />;
}

function Shell() {
  const { productId, page, id } = route.value;
  const main = useRef<HTMLElement>(null);
  const place = `${productId}/${page}/${id ?? ""}`;
  useFocusOnArrival(place, main);
  return (
    <>
      <button type="button" class="skip-link" onClick={() => main.current?.focus()}>
        Skip to the page
      </button>
      <Header />
      <StoreBanner />
      <main ref={main} tabIndex={-1} key={place}>
        <Suspense fallback={<p class="muted">Loading…</p>}>{pageOf(route.value)}</Suspense>
      </main>
      <Announcer />
    </>
  );
}

function pageOf({ page, id }: Route) {
  switch (page) {
    case "fleet":
      return <FleetPage />;
    case "devices":
      return id === undefined ? <FleetPage /> : <DevicePage identity={id} />;
    case "packages":
      return id === undefined ? <PackagesPage /> : <PackagePage packageId={id} />;
    case "register":
      return <RegisterPage />;
    case "apply":
      return <ApplyPage packageId={id} />;
    case "deployments":
      return id === undefined ? <DeploymentsPage /> : <DeploymentPage deploymentId={id} />;
    case "journal":
      return <JournalPage />;
    default:
      return <NotFoundPage />;
  }
}

/** A new page is a new place: the focus goes to it, as with a page that is loaded. */
function useFocusOnArrival(place: string, main: { readonly current: HTMLElement | null }): void {
  const isFirst = useRef(true);
  // The place is what is arrived at.
  useEffect(() => {
    if (!isFirst.current) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    isFirst.current = false;
  }, [place]);
}
