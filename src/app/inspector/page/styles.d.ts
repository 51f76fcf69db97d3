// Style sheets are taken in by the bundler, which makes one of all.
declare module "*.css";
