import { checkOtauInfo } from "./package-check.ts";

/** What devices will be given, to the letter, or what is wrong with it. */
export function ConfigPreview({ text }: { readonly text: string }) {
  const reading = checkOtauInfo(text);
  if (!reading.valid) {
    return (
      <div class="note note-warn" role="status">
        <p>
          <strong>Not a package yet</strong>
        </p>
        <ul>
          {reading.problems.map(({ path, message }) => (
            <li key={path + message}>
              {path !== "" && <code>{path}</code>} {message}
            </li>
          ))}
        </ul>
      </div>
    );
  }
  const bytes = new TextEncoder().encode(reading.configText).length;
  return (
    <figure>
      <figcaption>
        <code>config_otau</code>, as devices get it: {bytes.toLocaleString("en")} of 65,536 bytes
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <pre tabIndex={0} class="config-text">
        {reading.configText}
      </pre>
    </figure>
  );
}
