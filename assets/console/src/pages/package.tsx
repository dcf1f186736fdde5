import { get, productPath } from "../api/client.ts";
import type { PackageInfo } from "../api/types.ts";
import { ErrorNote } from "../parts/error-note.tsx";
import { Fact } from "../parts/fact.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Ago } from "../parts/time.tsx";
import { useLive } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { linkTo, route } from "../state/route.ts";
import { ConfigPreview } from "./config-preview.tsx";
import { DeploymentList } from "./deployment-list.tsx";
import { PackageActions } from "./package-actions.tsx";
import { configOf } from "./package-config.ts";

type ContentItem = { readonly tags: Readonly<Record<string, string>> };

/** One package: what devices get, where it is used, and what can be done with it. */
export function PackagePage({ packageId = "" }: { readonly packageId?: string | undefined }) {
  const { productId } = route.value;
  const path = productPath(productId, "packages", packageId);
  const found = useResource(path, (signal) => get<PackageInfo>(path, {}, signal));
  // The list shows what was understood; what was registered, to the letter, stands in the item's tag.
  const content = useResource(`content ${path}`, (signal) =>
    get<ContentItem>(productPath(productId, "content", packageId), {}, signal),
  );
  useLive({ types: "package.changed" }, () => {
    found.refresh();
    content.refresh();
  });
  const shown = found.value.value;
  const { name, version, type } = configOf(shown?.otau_info);
  const tag = content.value.value?.tags["otau_info"];
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("packages")}>Packages</a>
      </p>
      <div class="page-head">
        <h1>
          {name || packageId} <span class="mono muted">{name.includes(version) ? "" : version}</span>
        </h1>
        {shown && <PackageActions item={shown} path={path} onActed={found.refresh} />}
      </div>
      <ErrorNote error={found.error.value} />
      {shown && (
        <dl class="facts card">
          <Fact name="State">
            <StateBadge state={shown.valid ? shown.state : "invalid"} />{" "}
            {shown.inUse && <span class="badge tone-busy">in use</span>}
          </Fact>
          <Fact name="Version">
            <span class="mono">{version}</span>
          </Fact>
          <Fact name="Type">{type}</Fact>
          <Fact name="Id">
            <span class="mono">{packageId}</span>
          </Fact>
          <Fact name="Registered">
            <Ago at={shown.createdAt} />, revision {shown.revision}
          </Fact>
          {shown.contentLength > 0 && (
            <Fact name="Content">{shown.contentLength.toLocaleString("en")} bytes</Fact>
          )}
        </dl>
      )}
      {tag !== undefined && (
        <section class="card">
          <h2>What devices get</h2>
          <ConfigPreview text={tag} />
        </section>
      )}
      {shown && (
        <section aria-labelledby="used-title" class="stack">
          <h2 id="used-title">Where it is used</h2>
          <DeploymentList query={{ packageId }} none="It was not applied yet." />
        </section>
      )}
    </>
  );
}
