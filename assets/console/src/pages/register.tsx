import { useComputed, useSignal } from "@preact/signals";
import { type ApiError, call, productPath } from "../api/client.ts";
import { ErrorNote } from "../parts/error-note.tsx";
import { toApiError } from "../state/resource.ts";
import { goTo, linkTo, route } from "../state/route.ts";
import { ConfigPreview } from "./config-preview.tsx";
import { DropZone } from "./drop-zone.tsx";
import { emptyFields, type PackageFields, packageIdOf, textOfFields } from "./package-fields.ts";
import { readDropped } from "./read-dropped.ts";
import { RegisterFields } from "./register-fields.tsx";

/** Registers a package: by form, as JSON, or from a file that is dropped here; checked while one types. */
export function RegisterPage() {
  const { productId } = route.value;
  const fields = useSignal<PackageFields>(emptyFields);
  const typed = useSignal<string | undefined>(undefined);
  const chosenId = useSignal("");
  const file = useSignal<File | undefined>(undefined);
  const isReplacing = useSignal(false);
  const error = useSignal<ApiError | undefined>(undefined);
  const text = useComputed(() => typed.value ?? textOfFields(fields.value));
  const packageId = chosenId.value || packageIdOf(text.value);

  const drop = async (dropped: File) => {
    const found = await readDropped(dropped);
    error.value = undefined;
    if (found.kind === "package") {
      typed.value = found.text;
      if (/^package_[^/]+$/.test(dropped.name)) chosenId.value = dropped.name;
      return;
    }
    file.value = dropped;
    typed.value = undefined;
    fields.value = { ...fields.value, type: "FILE", payload: `otau+content:${found.contentId}` };
  };

  const register = async (event: SubmitEvent) => {
    event.preventDefault();
    try {
      if (file.value) await upload(productId, file.value);
      await call("PUT", productPath(productId, "packages", packageId), {
        // Put together as text: what was typed is what is registered, digit for digit.
        rawBody: `{"otau_info":${text.value}}`,
        contentType: "application/json",
        ...(isReplacing.value ? {} : { headers: { "if-none-match": "*" } }),
      });
      goTo(linkTo("packages", packageId));
    } catch (caught) {
      error.value = toApiError(caught);
    }
  };

  return (
    <>
      <p class="crumbs">
        <a href={linkTo("packages")}>Packages</a>
      </p>
      <h1>Register a package</h1>
      <DropZone onFile={drop} />
      <form class="columns form-columns" onSubmit={register}>
        <section class="card stack">
          <div class="row row-spread">
            <h2>What it is</h2>
            <button
              type="button"
              onClick={() => {
                typed.value = typed.value === undefined ? text.value : undefined;
              }}
            >
              {typed.value === undefined ? "Edit as JSON" : "Back to the form"}
            </button>
          </div>
          {file.value && (
            <p class="note">
              <strong>{file.value.name}</strong> ({file.value.size.toLocaleString("en")} bytes) is uploaded
              with it.
            </p>
          )}
          {typed.value === undefined ? (
            <RegisterFields
              fields={fields.value}
              onChange={(next) => {
                fields.value = next;
              }}
            />
          ) : (
            <>
              <label for="otau-info">
                <code>otau_info</code>
              </label>
              <textarea
                id="otau-info"
                class="mono"
                rows={18}
                spellcheck={false}
                value={typed.value}
                onInput={(event) => {
                  typed.value = event.currentTarget.value;
                }}
              />
            </>
          )}
        </section>
        <section class="card stack">
          <h2>What devices get</h2>
          <ConfigPreview text={text.value} />
          <label for="package-id">Package id</label>
          <input
            id="package-id"
            class="mono"
            value={packageId}
            pattern="package_[A-Za-z0-9._\-]+"
            title="package_ and then letters, digits, dots, underscores or dashes"
            onInput={(event) => {
              chosenId.value = event.currentTarget.value;
            }}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={isReplacing.value}
              onChange={(event) => {
                isReplacing.value = event.currentTarget.checked;
              }}
            />
            Replace a package of this id
          </label>
          <ErrorNote error={error.value} />
          <button type="submit" class="primary">
            Register
          </button>
        </section>
      </form>
    </>
  );
}

async function upload(productId: string, file: File): Promise<void> {
  await call("PUT", productPath(productId, "content", `firmware/${file.name}`), {
    rawBody: file,
    contentType: file.type || "application/octet-stream",
  });
}
