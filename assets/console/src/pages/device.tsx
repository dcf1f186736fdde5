import { get, productPath } from "../api/client.ts";
import type { Device } from "../api/types.ts";
import { Empty } from "../parts/empty.tsx";
import { ErrorNote } from "../parts/error-note.tsx";
import { Ago } from "../parts/time.tsx";
import { useLive } from "../state/live.ts";
import { useResource } from "../state/resource.ts";
import { linkTo, route } from "../state/route.ts";
import { DeviceResources } from "./device-resources.tsx";
import { DeviceTimeline } from "./device-timeline.tsx";
import { DeviceToken } from "./device-token.tsx";
import { DeviceUpdate } from "./device-update.tsx";
import { DeviceWhy } from "./device-why.tsx";
import { useTurn } from "./use-turn.ts";

/** All about one device: why it stands where it stands, what runs, and everything it ever said. */
export function DevicePage({ identity }: { readonly identity: string }) {
  const { productId } = route.value;
  const path = productPath(productId, "devices", identity);
  const device = useResource(path, (signal) => get<Device>(path, {}, signal), { pollMs: 5000 });
  const [turn, next] = useTurn();
  const refresh = () => {
    device.refresh();
    next();
  };
  useLive({ identity }, refresh);

  if (device.error.value?.status === 404) return <UnknownDevice identity={identity} />;
  const shown = device.value.value;
  return (
    <>
      <p class="crumbs">
        <a href={linkTo("fleet")}>Fleet</a>
      </p>
      <div class="page-head">
        <h1 class="mono">{identity}</h1>
        <a class="button primary" href={linkTo("apply", undefined, { devices: identity })}>
          Apply a package
        </a>
      </div>
      <ErrorNote error={device.error.value} />
      {shown !== undefined && <DeviceFacts device={shown} />}
      <DeviceWhy path={path} turn={turn} />
      {shown?.update && <DeviceUpdate update={shown.update} path={path} onActed={refresh} />}
      <DeviceTimeline path={path} turn={turn} />
      <DeviceResources path={path} turn={turn} />
      <DeviceToken
        path={path}
        identity={identity}
        isActivated={shown?.activated ?? false}
        onActed={refresh}
      />
    </>
  );
}

function DeviceFacts({ device }: { readonly device: Device }) {
  const { online, lastSeenAt, installedVersion, drifted, tags, createdAt } = device;
  return (
    <dl class="facts">
      <div>
        <dt>Connection</dt>
        <dd>
          <span class={`dot ${online ? "dot-on" : "dot-off"}`} aria-hidden="true" />{" "}
          {online ? "online" : "offline"}, heard from <Ago at={lastSeenAt} />
        </dd>
      </div>
      <div>
        <dt>Installed version</dt>
        <dd>
          <span class="mono">{installedVersion ?? "not known"}</span>{" "}
          {drifted && (
            <span class="badge tone-warn" title="It runs another version than the one last confirmed">
              drifted
            </span>
          )}
        </dd>
      </div>
      <div>
        <dt>Tags</dt>
        <dd>
          {Object.keys(tags).length === 0 && <span class="muted">none</span>}
          {Object.entries(tags).map(([name, value]) => (
            <a key={name} class="tag" href={linkTo("fleet", undefined, { tag: `${name}=${value}` })}>
              {name}={value}
            </a>
          ))}
        </dd>
      </div>
      <div>
        <dt>Known</dt>
        <dd>
          <Ago at={createdAt} />
        </dd>
      </div>
    </dl>
  );
}

function UnknownDevice({ identity }: { readonly identity: string }) {
  return (
    <>
      <h1>There is no device {identity}</h1>
      <Empty title="Not here, or not yours">
        <p>
          It was deleted, never registered, or belongs to another product.{" "}
          <a href={linkTo("fleet")}>To the fleet</a>
        </p>
      </Empty>
    </>
  );
}
