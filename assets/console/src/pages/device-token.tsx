import { useSignal } from "@preact/signals";
import { post } from "../api/client.ts";
import { ActButton } from "../parts/act-button.tsx";
import { Command } from "../parts/command.tsx";

type Props = {
  readonly path: string;
  readonly identity: string;
  readonly isActivated: boolean;
  readonly onActed: () => void;
};

/** The device's credential: a new one, shown this once, or none. */
export function DeviceToken({ path, identity, isActivated, onActed }: Props) {
  const token = useSignal("");
  const reset = (revoke: boolean) => async () => {
    const answer = await post<{ readonly token?: string }>(`${path}/token`, { revoke });
    token.value = answer.token ?? "";
    onActed();
  };
  return (
    <section class="card" aria-labelledby="token-title">
      <h2 id="token-title">Device token</h2>
      <p>
        {isActivated
          ? "The device has a token."
          : "The device was not given a token yet, or activates itself."}
      </p>
      {token.value !== "" && (
        <div class="note note-ok" role="status">
          <p>The new token of {identity}. It is shown this once.</p>
          <Command text={token.value} />
        </div>
      )}
      <div class="row">
        <ActButton
          label="New token"
          effect={`${identity} gets a new token. The one it has now ends at once: the device is refused until it is given the new one.`}
          act={reset(false)}
        />
        <ActButton
          label="Revoke"
          isDanger
          disabled={!isActivated}
          effect={`The token of ${identity} ends at once. The device is refused until it activates itself again.`}
          act={reset(true)}
        />
      </div>
    </section>
  );
}
