import { productPath } from "../api/client.ts";
import type { PackageInfo } from "../api/types.ts";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Ago } from "../parts/time.tsx";
import { useLive } from "../state/live.ts";
import { usePagedList } from "../state/paged-list.ts";
import { linkTo, route, setQuery } from "../state/route.ts";
import { configOf } from "./package-config.ts";

/** All packages, newest first, with what is wrong with the invalid ones. */
export function PackagesPage() {
  const { productId, query } = route.value;
  const [q, state] = [query.get("q") ?? "", query.get("state") ?? ""];
  const list = usePagedList<PackageInfo>(
    productPath(productId, "packages"),
    { q, state },
    ({ id }) => id,
    50,
  );
  useLive({ types: "package.changed" }, () => list.refresh());
  const isBare = list.isLoaded && list.items.length === 0 && q === "" && state === "";
  return (
    <>
      <div class="page-head">
        <h1>Packages</h1>
        <a class="button primary" href={linkTo("register")}>
          Register a package
        </a>
      </div>
      {!isBare && (
        <search class="filters">
          <label>
            Search
            <input
              type="search"
              value={q}
              placeholder="id, name or version"
              onInput={(event) => setQuery({ q: event.currentTarget.value })}
            />
          </label>
          <label>
            State
            <select value={state} onChange={(event) => setQuery({ state: event.currentTarget.value })}>
              <option value="">any</option>
              <option value="available">available</option>
              <option value="pending">pending</option>
              <option value="withdrawn">withdrawn</option>
            </select>
          </label>
        </search>
      )}
      <ErrorNote error={list.error} />
      {isBare && <NoPackages />}
      {!isBare && list.isLoaded && list.items.length === 0 && <Empty title="No package is like that" />}
      {list.items.length > 0 && <PackageTable items={list.items} />}
      {list.isLoaded && !list.isComplete && (
        <button type="button" onClick={list.loadMore}>
          More
        </button>
      )}
    </>
  );
}

function PackageTable({ items }: { readonly items: readonly PackageInfo[] }) {
  return (
    <div class="table-scroll">
      <table class="table packages">
        <thead>
          <tr>
            <th>Package</th>
            <th>Version</th>
            <th class="wide">Type</th>
            <th>State</th>
            <th class="wide">Registered</th>
            <th>
              <span class="visually-hidden">Do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <PackageRow key={item.id} item={item} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function PackageRow({ item }: { readonly item: PackageInfo }) {
  const { id, valid, state, inUse, createdAt, problems } = item;
  const { name, version, type } = configOf(item.otau_info);
  return (
    <tr>
      <td>
        <a href={linkTo("packages", id)}>{name || id}</a>
        <div class="muted sub">{valid ? id : `${problems[0]?.path ?? ""} ${problems[0]?.message ?? ""}`}</div>
      </td>
      <td class="mono">{version}</td>
      <td class="wide">{type}</td>
      <td>
        <StateBadge state={valid ? state : "invalid"} />{" "}
        {inUse && <span class="badge tone-busy">in use</span>}
      </td>
      <td class="wide">
        <Ago at={createdAt} />
      </td>
      <td>
        {valid && state === "available" && (
          <a href={linkTo("apply", id)} aria-label={`Apply ${name}`}>
            Apply
          </a>
        )}
      </td>
    </tr>
  );
}

function NoPackages() {
  return (
    <Empty
      title="No packages yet"
      command={`npx otau content upload package_acme_iotgw1_1-0-1.json --tags otau_info='{"vendor":"acme","product":"iotgw1","config_otau":{"version":"1.0.1","name":"Gateway 1.0.1","type":"FILE","payload":"https://updates.example.com/gateway-1.0.1.bin"}}'`}
    >
      <p>
        A package says which version devices should install, and where they find it.{" "}
        <a href={linkTo("register")}>Register one here</a>, or type:
      </p>
    </Empty>
  );
}
