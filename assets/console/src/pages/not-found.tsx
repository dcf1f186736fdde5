import { linkTo } from "../state/route.ts";

/** The hash names no page. */
export function NotFoundPage() {
  return (
    <>
      <h1>There is no such page</h1>
      <p>
        <a href={linkTo("fleet")}>To the fleet</a>
      </p>
    </>
  );
}
