import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type ApiError, get, post, productPath } from "../api/client.ts";
import type { Deployment, DryRun, PackageInfo, Page } from "../api/types.ts";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { toApiError, useResource } from "../state/resource.ts";
import { goTo, linkTo, route } from "../state/route.ts";
import { type ApplyForm, bodyOf, emptyForm } from "./apply-body.ts";
import { ApplyOptions } from "./apply-options.tsx";
import { countOf, sentenceOf, writtenOf } from "./apply-sentence.ts";
import { ApplyTarget } from "./apply-target.tsx";
import { configOf } from "./package-config.ts";

/** Brings a package to devices; says what will happen before it does. */
export function ApplyPage({ packageId }: { readonly packageId: string | undefined }) {
  const { productId, query } = route.value;
  const packages = useResource(`packages ${productId}`, (signal) =>
    get<Page<PackageInfo>>(productPath(productId, "packages"), { state: "available", limit: 200 }, signal),
  );
  const choices = (packages.value.value?.items ?? []).filter(({ valid }) => valid);
  const chosen = packageId ?? choices[0]?.id;
  const form = useSignal<ApplyForm>(startingForm(query));
  const { dryRun, error } = useDryRun(chosen, form.value);
  const refused = useSignal<ApiError | undefined>(undefined);
  const key = useRef(crypto.randomUUID());

  const change = (changes: Partial<ApplyForm>) => {
    form.value = { ...form.value, ...changes };
    // Another request: a repeat of it counts once, but it is not the one before.
    key.current = crypto.randomUUID();
  };
  const apply = async (event: SubmitEvent) => {
    event.preventDefault();
    const body = bodyOf(form.value);
    if (body === undefined || chosen === undefined) return;
    try {
      const path = productPath(productId, "packages", chosen, "apply");
      const { deployment } = await post<{ readonly deployment: Deployment }>(path, body, key.current);
      goTo(linkTo("deployments", deployment.id));
    } catch (caught) {
      refused.value = toApiError(caught);
    }
  };

  if (packages.value.value !== undefined && choices.length === 0) return <NothingToApply />;
  const { name, version } = configOf(choices.find(({ id }) => id === chosen)?.otau_info);
  const title = name.includes(version) ? name : `${name} (${version})`;
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("packages")}>Packages</a>
      </p>
      <h1>Apply a package</h1>
      <form class="columns form-columns" onSubmit={apply}>
        <section class="card stack">
          <label for="apply-package">Package</label>
          <select
            id="apply-package"
            value={chosen}
            onChange={(event) => goTo(linkTo("apply", event.currentTarget.value))}
          >
            {choices.map(({ id, otau_info }) => (
              <option key={id} value={id}>
                {configOf(otau_info).name} – {id}
              </option>
            ))}
          </select>
          <ApplyTarget form={form.value} onChange={change} />
          <ApplyOptions form={form.value} onChange={change} />
        </section>
        <section class="card stack apply-outcome" aria-labelledby="outcome-title">
          <h2 id="outcome-title">What will happen</h2>
          <div aria-live="polite" class="stack">
            {dryRun && <Outcome sentences={sentenceOf(title, form.value, dryRun)} dryRun={dryRun} />}
            {!dryRun && !error && <p class="muted">Say which devices are meant.</p>}
          </div>
          <ErrorNote error={refused.value ?? error ?? packages.error.value} />
          <button type="submit" class="primary" disabled={dryRun === undefined}>
            {dryRun === undefined ? "Apply" : `Apply to ${countOf(writtenOf(dryRun))}`}
          </button>
        </section>
      </form>
    </>
  );
}

function Outcome({ sentences, dryRun }: { readonly sentences: readonly string[]; readonly dryRun: DryRun }) {
  const [first, ...rest] = sentences;
  return (
    <>
      <p class="apply-sentence">{first}</p>
      {rest.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {dryRun.sample.length > 0 && (
        <p class="muted">
          {dryRun.sample.slice(0, 8).join(", ")}
          {dryRun.total > Math.min(8, dryRun.sample.length) ? " …" : ""}
        </p>
      )}
    </>
  );
}

function NothingToApply() {
  return (
    <>
      <h1>Apply a package</h1>
      <Empty title="There is no package that could be applied">
        <p>
          <a href={linkTo("register")}>Register one</a>, or restore one that was withdrawn.
        </p>
      </Empty>
    </>
  );
}

function startingForm(query: URLSearchParams): ApplyForm {
  const [devices, tag] = [query.get("devices") ?? "", query.get("tag") ?? ""];
  if (devices !== "") return { ...emptyForm, who: "list", devices };
  return tag === "" ? emptyForm : { ...emptyForm, who: "some", tag };
}

const settleMs = 350;

/** What would come of it, asked anew a moment after each change. */
function useDryRun(packageId: string | undefined, form: ApplyForm) {
  const { productId } = route.value;
  const dryRun = useSignal<DryRun | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const body = bodyOf(form);
  const key = JSON.stringify([packageId, body]);
  // The key is what would be sent.
  useEffect(() => {
    let isStale = false;
    dryRun.value = undefined;
    error.value = undefined;
    if (packageId === undefined || body === undefined) return;
    const { options, ...who } = body as { readonly options?: object };
    const timer = setTimeout(async () => {
      try {
        const path = productPath(productId, "packages", packageId, "apply");
        const answer = await post<DryRun>(path, { ...who, options: { ...options, dryRun: true } });
        if (!isStale) dryRun.value = answer;
      } catch (caught) {
        if (!isStale) error.value = toApiError(caught);
      }
    }, settleMs);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [key]);
  return { dryRun: dryRun.value, error: error.value };
}
