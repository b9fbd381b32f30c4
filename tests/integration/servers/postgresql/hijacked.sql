-- Operators, functions and casts that take the place of PostgreSQL's own where the search path has
-- "public" first. Each says so in the server's log, and fails in a drill, whose log is not kept.

CREATE FUNCTION public.say(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF pg_catalog.right(pg_catalog.current_database(), 6) OPERATOR(pg_catalog.=) '.drill' THEN
        RAISE EXCEPTION 'hijacked: %', what;
    END IF;
    RAISE LOG 'hijacked: %', what;
END $$;

DO $$ DECLARE
    found record;
    common CONSTANT oid[] := '{name,text,oid,int4,int8,bool,"char",float8,regclass,_text,_oid,_aclitem,jsonb,json}'::regtype[]::oid[];
BEGIN
    FOR found IN SELECT o.oid, oprname, l.typname AS l, r.typname AS r, t.typname AS result
        FROM pg_operator o JOIN pg_type l ON l.oid = oprleft JOIN pg_type r ON r.oid = oprright
            JOIN pg_type t ON t.oid = oprresult
        WHERE o.oid < 16384 AND oprleft = ANY (common) AND oprright = ANY (common)
    LOOP
        EXECUTE format('CREATE FUNCTION public.operator_%s(a %I, b %I) RETURNS %I LANGUAGE plpgsql AS
            $f$ BEGIN PERFORM public.say(%L); RETURN a OPERATOR(pg_catalog.%s) b; END $f$',
            found.oid, found.l, found.r, found.result, found.oprname, found.oprname);
        EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %I, RIGHTARG = %I, FUNCTION = public.operator_%s)',
            found.oprname, found.l, found.r, found.oid);
    END LOOP;
    FOR found IN SELECT p.oid, proname, pronargs, proretset, t.typname AS result,
            (SELECT string_agg(quote_ident(a.typname), ', ' ORDER BY at) FROM unnest(proargtypes::oid[])
                WITH ORDINALITY u (argument, at) JOIN pg_type a ON a.oid = argument) AS arguments,
            (SELECT coalesce(string_agg('$' || at, ', ' ORDER BY at), '') FROM generate_series(1, pronargs) at) AS given
        FROM pg_proc p JOIN pg_type t ON t.oid = prorettype
        WHERE p.oid < 16384 AND prokind = 'f' AND provariadic = 0 AND NOT proretset AND prorettype = ANY (common)
            AND proargtypes::oid[] <@ common AND pronamespace = 'pg_catalog'::regnamespace
            AND proname NOT LIKE 'pg_stat%' AND proname NOT LIKE 'binary_upgrade%'
    LOOP
        EXECUTE format('CREATE OR REPLACE FUNCTION public.%I(%s) RETURNS %I LANGUAGE plpgsql AS
            $f$ BEGIN PERFORM public.say(%L); RETURN pg_catalog.%I(%s); END $f$',
            found.proname, found.arguments, found.result, found.proname, found.proname, found.given);
    END LOOP;
END $$;

CREATE TYPE public.holder AS (v text);
CREATE FUNCTION public.hold(v text) RETURNS public.holder LANGUAGE plpgsql AS
    $$ BEGIN PERFORM public.say('a cast'); RETURN ROW(v)::public.holder; END $$;
CREATE FUNCTION public.released(v public.holder) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM public.say('a cast'); RETURN v.v; END $$;
CREATE CAST (text AS public.holder) WITH FUNCTION public.hold(text) AS IMPLICIT;
CREATE CAST (public.holder AS text) WITH FUNCTION public.released(public.holder) AS IMPLICIT;

-- As fits better than PostgreSQL's own of any type.
CREATE FUNCTION public.to_json(v text) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN PERFORM public.say('to_json'); RETURN pg_catalog.to_json(v); END $$;
CREATE FUNCTION public.to_json(v bool) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN PERFORM public.say('to_json'); RETURN pg_catalog.to_json(v); END $$;
CREATE FUNCTION public.json_build_object(a text, b bool) RETURNS json LANGUAGE plpgsql AS
    $$ BEGIN PERFORM public.say('json_build_object'); RETURN pg_catalog.json_build_object(a, b); END $$;

CREATE TABLE public.t (v text PRIMARY KEY, n int);
INSERT INTO public.t SELECT 'row ' || n, n FROM generate_series(1, 100) n;

-- The planner calls this for a constant in the expression of an index. The owner of the table calls
-- it for the index itself.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'evil') THEN CREATE ROLE evil; END IF;
END $$;
CREATE FUNCTION public.planned(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    -- A drill counts the rows of every table, in its sandbox.
    IF current_user OPERATOR(pg_catalog.<>) 'evil'::pg_catalog.name
        AND pg_catalog.right(pg_catalog.current_database(), 6) OPERATOR(pg_catalog.<>) '.drill'
    THEN
        PERFORM public.say('a planned function');
    END IF;
    RETURN v;
END $$;
CREATE TABLE public.indexed AS SELECT 'row ' || n AS v FROM generate_series(1, 1000) n;
ALTER TABLE public.indexed OWNER TO evil;
CREATE INDEX ON public.indexed ((public.planned('x') OPERATOR(pg_catalog.||) v));
CREATE INDEX ON public.indexed (v) WHERE public.planned('x') OPERATOR(pg_catalog.=) 'x';

CREATE VIEW public.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE public.say('pg_class') IS NOT NULL OR true;
CREATE VIEW public.pg_settings AS SELECT * FROM pg_catalog.pg_settings WHERE public.say('pg_settings') IS NOT NULL OR true;
CREATE VIEW public.pg_database AS SELECT * FROM pg_catalog.pg_database WHERE public.say('pg_database') IS NOT NULL OR true;
CREATE VIEW public.pg_roles AS SELECT * FROM pg_catalog.pg_roles WHERE public.say('pg_roles') IS NOT NULL OR true;
CREATE VIEW public.pg_stat_activity AS
    SELECT * FROM pg_catalog.pg_stat_activity WHERE public.say('pg_stat_activity') IS NOT NULL OR true;
