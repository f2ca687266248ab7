--
-- PostgreSQL database dump
--

\restrict qGrPXBc2vtOSWiar1QLzfVpMeqrFiMMea15IZshDEFa0PUyMHojcVDmUWoNPPF3

-- Dumped from database version 18.6
-- Dumped by rsdump version 0.1.0

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: S Zürich東京; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA "S Zürich東京";


ALTER SCHEMA "S Zürich東京" OWNER TO postgres;

--
-- Name: SCHEMA "S Zürich東京"; Type: COMMENT; Schema: -; Owner: postgres
--

COMMENT ON SCHEMA "S Zürich東京" IS 'Zürich東京 with \ and ''quotes''
in two lines of Zürich東京';


--
-- Name: coll Zürich東京; Type: COLLATION; Schema: S Zürich東京; Owner: postgres
--

CREATE COLLATION "S Zürich東京"."coll Zürich東京" (provider = libc, locale = 'C');


ALTER COLLATION "S Zürich東京"."coll Zürich東京" OWNER TO postgres;

--
-- Name: D Zürich東京; Type: DOMAIN; Schema: S Zürich東京; Owner: postgres
--

CREATE DOMAIN "S Zürich東京"."D Zürich東京" AS text DEFAULT 'Zürich東京'::text
	CONSTRAINT "C Zürich東京" CHECK ((VALUE <> 'Zürich東京!'::text));


ALTER DOMAIN "S Zürich東京"."D Zürich東京" OWNER TO postgres;

--
-- Name: mood Zürich東京; Type: TYPE; Schema: S Zürich東京; Owner: postgres
--

CREATE TYPE "S Zürich東京"."mood Zürich東京" AS ENUM (
    'Zürich東京',
    'low Zürich東京 \',
    'ok'
);


ALTER TYPE "S Zürich東京"."mood Zürich東京" OWNER TO postgres;

--
-- Name: pair Zürich東京; Type: TYPE; Schema: S Zürich東京; Owner: postgres
--

CREATE TYPE "S Zürich東京"."pair Zürich東京" AS (
	"a Zürich東京" integer,
	b text
);


ALTER TYPE "S Zürich東京"."pair Zürich東京" OWNER TO postgres;

--
-- Name: COLUMN "pair Zürich東京"."a Zürich東京"; Type: COMMENT; Schema: S Zürich東京; Owner: postgres
--

COMMENT ON COLUMN "S Zürich東京"."pair Zürich東京"."a Zürich東京" IS 'Zürich東京';


--
-- Name: F Zürich東京(text); Type: FUNCTION; Schema: S Zürich東京; Owner: postgres
--

CREATE FUNCTION "S Zürich東京"."F Zürich東京"("arg Zürich東京" text DEFAULT 'Zürich東京'::text, OUT "out Zürich東京" text) RETURNS text
    LANGUAGE plpgsql
    AS $_$BEGIN "out Zürich東京" := $q$Zürich東京$q$ || "arg Zürich東京"; END$_$;


ALTER FUNCTION "S Zürich東京"."F Zürich東京"("arg Zürich東京" text, OUT "out Zürich東京" text) OWNER TO postgres;

--
-- Name: FUNCTION "F Zürich東京"("arg Zürich東京" text, OUT "out Zürich東京" text); Type: COMMENT; Schema: S Zürich東京; Owner: postgres
--

COMMENT ON FUNCTION "S Zürich東京"."F Zürich東京"("arg Zürich東京" text, OUT "out Zürich東京" text) IS 'Zürich東京';


--
-- Name: ef Zürich東京(); Type: FUNCTION; Schema: S Zürich東京; Owner: postgres
--

CREATE FUNCTION "S Zürich東京"."ef Zürich東京"() RETURNS event_trigger
    LANGUAGE plpgsql
    AS $$BEGIN END$$;


ALTER FUNCTION "S Zürich東京"."ef Zürich東京"() OWNER TO postgres;

--
-- Name: fire(); Type: FUNCTION; Schema: S Zürich東京; Owner: postgres
--

CREATE FUNCTION "S Zürich東京".fire() RETURNS trigger
    LANGUAGE plpgsql
    SET "my.word" TO 'Zürich東京'
    AS $$BEGIN RETURN NEW; /* Zürich東京 */ END$$;


ALTER FUNCTION "S Zürich東京".fire() OWNER TO postgres;

--
-- Name: agg Zürich東京(text); Type: AGGREGATE; Schema: S Zürich東京; Owner: postgres
--

CREATE AGGREGATE "S Zürich東京"."agg Zürich東京"(text) (
    SFUNC = textcat,
    STYPE = text,
    INITCOND = 'Zürich東京'
);


ALTER AGGREGATE "S Zürich東京"."agg Zürich東京"(text) OWNER TO postgres;

--
-- Name: =#=; Type: OPERATOR; Schema: S Zürich東京; Owner: postgres
--

CREATE OPERATOR "S Zürich東京".=#= (
    FUNCTION = int4eq,
    LEFTARG = integer,
    RIGHTARG = integer
);


ALTER OPERATOR "S Zürich東京".=#= (integer, integer) OWNER TO postgres;

--
-- Name: OPERATOR =#= (integer, integer); Type: COMMENT; Schema: S Zürich東京; Owner: postgres
--

COMMENT ON OPERATOR "S Zürich東京".=#= (integer, integer) IS 'Zürich東京';


--
-- Name: dict Zürich東京; Type: TEXT SEARCH DICTIONARY; Schema: S Zürich東京; Owner: postgres
--

CREATE TEXT SEARCH DICTIONARY "S Zürich東京"."dict Zürich東京" (
    TEMPLATE = pg_catalog.simple,
    accept = 'false' );


ALTER TEXT SEARCH DICTIONARY "S Zürich東京"."dict Zürich東京" OWNER TO postgres;

--
-- Name: cfg Zürich東京; Type: TEXT SEARCH CONFIGURATION; Schema: S Zürich東京; Owner: postgres
--

CREATE TEXT SEARCH CONFIGURATION "S Zürich東京"."cfg Zürich東京" (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION "S Zürich東京"."cfg Zürich東京"
    ADD MAPPING FOR word WITH "S Zürich東京"."dict Zürich東京";


ALTER TEXT SEARCH CONFIGURATION "S Zürich東京"."cfg Zürich東京" OWNER TO postgres;

--
-- Name: W Zürich東京; Type: FOREIGN DATA WRAPPER; Schema: -; Owner: postgres
--

CREATE FOREIGN DATA WRAPPER "W Zürich東京" OPTIONS (
    "O Zürich東京" '1',
    debug 'Zürich東京'
);


ALTER FOREIGN DATA WRAPPER "W Zürich東京" OWNER TO postgres;

--
-- Name: srv Zürich東京; Type: SERVER; Schema: -; Owner: postgres
--

CREATE SERVER "srv Zürich東京" TYPE 'Zürich東京' VERSION 'Zürich東京' FOREIGN DATA WRAPPER "W Zürich東京" OPTIONS (
    host 'Zürich東京'
);


ALTER SERVER "srv Zürich東京" OWNER TO postgres;

--
-- Name: USER MAPPING public SERVER srv Zürich東京; Type: USER MAPPING; Schema: -; Owner: postgres
--

CREATE USER MAPPING FOR public SERVER "srv Zürich東京" OPTIONS (
    who 'Zürich東京'
);


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: M Zürich東京; Type: MATERIALIZED VIEW; Schema: S Zürich東京; Owner: postgres
--

CREATE MATERIALIZED VIEW "S Zürich東京"."M Zürich東京" AS
 SELECT 'Zürich東京'::text AS "m Zürich東京"
  WITH NO DATA;


ALTER MATERIALIZED VIEW "S Zürich東京"."M Zürich東京" OWNER TO postgres;

--
-- Name: T Zürich東京; Type: TABLE; Schema: S Zürich東京; Owner: postgres
--

CREATE TABLE "S Zürich東京"."T Zürich東京" (
    "id Zürich東京" integer NOT NULL,
    note text DEFAULT 'Zürich東京 \'::text NOT NULL,
    mood "S Zürich東京"."mood Zürich東京" DEFAULT 'Zürich東京'::"S Zürich東京"."mood Zürich東京",
    CONSTRAINT "K Zürich東京" CHECK ((note <> 'Zürich東京?'::text))
);


ALTER TABLE "S Zürich東京"."T Zürich東京" OWNER TO postgres;

--
-- Name: COLUMN "T Zürich東京"."id Zürich東京"; Type: COMMENT; Schema: S Zürich東京; Owner: postgres
--

COMMENT ON COLUMN "S Zürich東京"."T Zürich東京"."id Zürich東京" IS 'column Zürich東京';


--
-- Name: Q Zürich東京; Type: SEQUENCE; Schema: S Zürich東京; Owner: postgres
--

CREATE SEQUENCE "S Zürich東京"."Q Zürich東京"
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER SEQUENCE "S Zürich東京"."Q Zürich東京" OWNER TO postgres;

--
-- Name: Q Zürich東京; Type: SEQUENCE OWNED BY; Schema: S Zürich東京; Owner: postgres
--

ALTER SEQUENCE "S Zürich東京"."Q Zürich東京" OWNED BY "S Zürich東京"."T Zürich東京"."id Zürich東京";


--
-- Name: V Zürich東京; Type: VIEW; Schema: S Zürich東京; Owner: postgres
--

CREATE VIEW "S Zürich東京"."V Zürich東京" AS
 SELECT "id Zürich東京" AS "i Zürich東京",
    'Zürich東京'::text AS w
   FROM "S Zürich東京"."T Zürich東京"
  WHERE (note = 'Zürich東京'::text);


ALTER VIEW "S Zürich東京"."V Zürich東京" OWNER TO postgres;

--
-- Name: child Zürich東京; Type: TABLE; Schema: S Zürich東京; Owner: postgres
--

CREATE TABLE "S Zürich東京"."child Zürich東京" (
)
INHERITS ("S Zürich東京"."T Zürich東京");


ALTER TABLE "S Zürich東京"."child Zürich東京" OWNER TO postgres;

--
-- Name: ft Zürich東京; Type: FOREIGN TABLE; Schema: S Zürich東京; Owner: postgres
--

CREATE FOREIGN TABLE "S Zürich東京"."ft Zürich東京" (
    "a Zürich東京" integer
)
SERVER "srv Zürich東京"
OPTIONS (
    "t Zürich東京" 'Zürich東京'
);
ALTER FOREIGN TABLE ONLY "S Zürich東京"."ft Zürich東京" ALTER COLUMN "a Zürich東京" OPTIONS (
    name 'Zürich東京'
);


ALTER FOREIGN TABLE "S Zürich東京"."ft Zürich東京" OWNER TO postgres;

--
-- Name: parted Zürich東京; Type: TABLE; Schema: S Zürich東京; Owner: postgres
--

CREATE TABLE "S Zürich東京"."parted Zürich東京" (
    k text
)
PARTITION BY LIST (k);


ALTER TABLE "S Zürich東京"."parted Zürich東京" OWNER TO postgres;

--
-- Name: part Zürich東京; Type: TABLE; Schema: S Zürich東京; Owner: postgres
--

CREATE TABLE "S Zürich東京"."part Zürich東京" (
    k text
);


ALTER TABLE "S Zürich東京"."part Zürich東京" OWNER TO postgres;

--
-- Name: Zürich東京; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public."Zürich東京" (
    "Zürich東京" text
);


ALTER TABLE public."Zürich東京" OWNER TO postgres;

--
-- Name: part Zürich東京; Type: TABLE ATTACH; Schema: S Zürich東京; Owner: postgres
--

ALTER TABLE ONLY "S Zürich東京"."parted Zürich東京" ATTACH PARTITION "S Zürich東京"."part Zürich東京" FOR VALUES IN ('Zürich東京', 'x');


--
-- Name: child Zürich東京 note; Type: DEFAULT; Schema: S Zürich東京; Owner: postgres
--

ALTER TABLE ONLY "S Zürich東京"."child Zürich東京" ALTER COLUMN note SET DEFAULT 'Zürich東京 \'::text;


--
-- Name: child Zürich東京 mood; Type: DEFAULT; Schema: S Zürich東京; Owner: postgres
--

ALTER TABLE ONLY "S Zürich東京"."child Zürich東京" ALTER COLUMN mood SET DEFAULT 'Zürich東京'::"S Zürich東京"."mood Zürich東京";


--
-- Data for Name: T Zürich東京; Type: TABLE DATA; Schema: S Zürich東京; Owner: postgres
--

INSERT INTO "S Zürich東京"."T Zürich東京" VALUES (1, 'Zürich東京', 'Zürich東京');
INSERT INTO "S Zürich東京"."T Zürich東京" VALUES (2, 'tab	 Zürich東京 \ newline
', 'ok');


--
-- Data for Name: child Zürich東京; Type: TABLE DATA; Schema: S Zürich東京; Owner: postgres
--



--
-- Data for Name: part Zürich東京; Type: TABLE DATA; Schema: S Zürich東京; Owner: postgres
--

INSERT INTO "S Zürich東京"."part Zürich東京" VALUES ('Zürich東京');


--
-- Data for Name: Zürich東京; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public."Zürich東京" VALUES ('Zürich東京');


--
-- Name: Q Zürich東京; Type: SEQUENCE SET; Schema: S Zürich東京; Owner: postgres
--

SELECT pg_catalog.setval('"S Zürich東京"."Q Zürich東京"', 1, false);


--
-- Name: 4711; Type: BLOB METADATA; Schema: -; Owner: postgres
--

SELECT pg_catalog.lo_create('4711');

ALTER LARGE OBJECT 4711 OWNER TO postgres;

--
-- Name: LARGE OBJECT 4711; Type: COMMENT; Schema: -; Owner: postgres
--

COMMENT ON LARGE OBJECT 4711 IS 'large Zürich東京';


--
-- Data for Name: 4711; Type: BLOBS; Schema: -; Owner: postgres
--

BEGIN;

SELECT pg_catalog.lo_open('4711', 131072);
SELECT pg_catalog.lo_close(0);

COMMIT;

--
-- Name: T Zürich東京 T Zürich東京_pkey; Type: CONSTRAINT; Schema: S Zürich東京; Owner: postgres
--

ALTER TABLE ONLY "S Zürich東京"."T Zürich東京"
    ADD CONSTRAINT "T Zürich東京_pkey" PRIMARY KEY ("id Zürich東京");


--
-- Name: I Zürich東京; Type: INDEX; Schema: S Zürich東京; Owner: postgres
--

CREATE INDEX "I Zürich東京" ON "S Zürich東京"."T Zürich東京" USING btree (((note || 'Zürich東京'::text))) WHERE (note <> 'Zürich東京'::text);


--
-- Name: stat Zürich東京; Type: STATISTICS; Schema: S Zürich東京; Owner: postgres
--

CREATE STATISTICS "S Zürich東京"."stat Zürich東京" (ndistinct) ON "id Zürich東京", note FROM "S Zürich東京"."T Zürich東京";


ALTER STATISTICS "S Zürich東京"."stat Zürich東京" OWNER TO postgres;

--
-- Name: V Zürich東京 R Zürich東京; Type: RULE; Schema: S Zürich東京; Owner: postgres
--

CREATE RULE "R Zürich東京" AS
    ON INSERT TO "S Zürich東京"."V Zürich東京" DO INSTEAD  INSERT INTO "S Zürich東京"."T Zürich東京" ("id Zürich東京", note)
  VALUES (new."i Zürich東京", 'Zürich東京'::text);


--
-- Name: T Zürich東京 G Zürich東京; Type: TRIGGER; Schema: S Zürich東京; Owner: postgres
--

CREATE TRIGGER "G Zürich東京" BEFORE UPDATE OF "id Zürich東京" ON "S Zürich東京"."T Zürich東京" FOR EACH ROW WHEN ((new.note = 'Zürich東京'::text)) EXECUTE FUNCTION "S Zürich東京".fire('Zürich東京 \', 'a');


--
-- Name: T Zürich東京 P Zürich東京; Type: POLICY; Schema: S Zürich東京; Owner: postgres
--

CREATE POLICY "P Zürich東京" ON "S Zürich東京"."T Zürich東京" USING ((note = 'Zürich東京'::text)) WITH CHECK ((note <> 'Zürich東京'::text));


--
-- Name: pub Zürich東京; Type: PUBLICATION; Schema: -; Owner: postgres
--

CREATE PUBLICATION "pub Zürich東京" WITH (publish = 'insert, update, delete, truncate');


ALTER PUBLICATION "pub Zürich東京" OWNER TO postgres;

--
-- Name: pub Zürich東京 T Zürich東京; Type: PUBLICATION TABLE; Schema: S Zürich東京; Owner: postgres
--

ALTER PUBLICATION "pub Zürich東京" ADD TABLE ONLY "S Zürich東京"."T Zürich東京";


--
-- Name: pub Zürich東京 child Zürich東京; Type: PUBLICATION TABLE; Schema: S Zürich東京; Owner: postgres
--

ALTER PUBLICATION "pub Zürich東京" ADD TABLE ONLY "S Zürich東京"."child Zürich東京";


--
-- Name: COLUMN "T Zürich東京"."id Zürich東京"; Type: ACL; Schema: S Zürich東京; Owner: postgres
--

GRANT SELECT("id Zürich東京") ON TABLE "S Zürich東京"."T Zürich東京" TO PUBLIC;


--
-- Name: COLUMN "T Zürich東京".note; Type: ACL; Schema: S Zürich東京; Owner: postgres
--

GRANT UPDATE(note) ON TABLE "S Zürich東京"."T Zürich東京" TO PUBLIC;


--
-- Name: E Zürich東京; Type: EVENT TRIGGER; Schema: -; Owner: postgres
--

CREATE EVENT TRIGGER "E Zürich東京" ON ddl_command_end
         WHEN TAG IN ('CREATE CAST')
   EXECUTE FUNCTION "S Zürich東京"."ef Zürich東京"();


ALTER EVENT TRIGGER "E Zürich東京" OWNER TO postgres;

--
-- Name: M Zürich東京; Type: MATERIALIZED VIEW DATA; Schema: S Zürich東京; Owner: postgres
--

REFRESH MATERIALIZED VIEW "S Zürich東京"."M Zürich東京";


--
-- PostgreSQL database dump complete
--

\unrestrict qGrPXBc2vtOSWiar1QLzfVpMeqrFiMMea15IZshDEFa0PUyMHojcVDmUWoNPPF3

