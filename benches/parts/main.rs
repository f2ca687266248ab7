//! The parts that run for every byte or every object, each by itself and without a server: compression, checksums and the
//! format of archives; order; grants; the splitter of scripts.
//!
//!     cargo bench --bench parts [-- FILTER]
//!
//! Whole runs beside PostgreSQL's own tools are in `benches/e2e`.

use std::hint::black_box;

use bstr::{BStr, BString};
use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use rsdump::archive::{
    Archive, ArchiveVersion, ArchiveWriter, BytesSource, CustomWriter, Format, Framing, Header, VecSink,
    encode_segment,
};
use rsdump::compress::Compression;
use rsdump::connect::ServerVersion;
use rsdump::objects::schema::Schema;
use rsdump::objects::{Body, Catalog, Components};
use rsdump::order;
use rsdump::sql::splitter::Splitter;
use rsdump::sql::{GrantTarget, Grantable, Quoting, grants};
use rsdump::toc::{CatalogId, Desc, DumpId, Entry, Section};

/// Bytes of a segment.
const SEGMENT: usize = 1 << 20;

/// Rows as COPY writes them, about `length` bytes of them, and how many.
fn rows(length: usize) -> (Bytes, u64) {
    let mut text = String::with_capacity(length + 200);
    let mut count = 0;
    while text.len() < length {
        count += 1;
        let n = count * 7919 % 100_003;
        text.push_str(&format!(
            "{count}\tcustomer {n}\t2024-0{}-1{} 12:{:02}:00\t{{\"sku\": {n}, \"tags\": [\"a{}\", \"b\"]}}\t\\N\n",
            count % 9 + 1,
            count % 9,
            count % 60,
            n % 17
        ));
    }
    (text.into(), count)
}

/// The methods with the framing that the custom format gives them.
fn methods() -> [(&'static str, Framing, Compression); 4] {
    let parse = |text: &str| Compression::parse(text).expect("a compression");
    [
        ("none", Framing::Raw, parse("none")),
        ("gzip", Framing::ZlibPiece, parse("gzip")),
        ("lz4", Framing::Lz4Frame, parse("lz4")),
        ("zstd", Framing::ZstdFrame, parse("zstd")),
    ]
}

fn encoding(c: &mut Criterion) {
    let (plain, count) = rows(SEGMENT);
    let mut group = c.benchmark_group("encode a segment");
    group.throughput(Throughput::Bytes(plain.len() as u64));
    for (name, framing, compression) in methods() {
        group.bench_function(name, |b| {
            b.iter(|| encode_segment(framing, &compression, [black_box(plain.clone())], count));
        });
    }
    group.finish();
}

/// An archive of one table with eight segments.
async fn archive(framing: Framing, compression: &Compression, plain: &Bytes, count: u64) -> VecSink {
    let sink = VecSink::new();
    let mut writer = CustomWriter::new(Box::new(sink.clone()), compression);
    let id = DumpId(1);
    let mut entry = Entry::new(id, Desc::TableData, "t", Section::Data);
    entry.had_dumper = true;
    entry.copy_statement = Some("COPY public.t (a) FROM stdin;\n".into());
    let header = Header::new(ArchiveVersion::V1_16, Format::Custom, *compression);
    writer.begin(&header, &[entry]).await.expect("begin");
    writer.begin_data(id).await.expect("begin the data");
    for _ in 0..8 {
        let segment = encode_segment(framing, compression, [plain.clone()], count).expect("encode");
        writer.append(segment).await.expect("append");
    }
    let end = Bytes::from_static(rsdump::archive::COPY_END);
    let last = encode_segment(framing, compression, [end], 0).expect("encode");
    writer.append(last).await.expect("append");
    writer.end_data().await.expect("end the data");
    writer.finish().await.expect("finish");
    sink
}

/// The way of rows through an archive: encoded, written, read, checked, decoded, without the end marker.
fn copying(c: &mut Criterion) {
    let (plain, count) = rows(SEGMENT);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut group = c.benchmark_group("rows through an archive");
    group.throughput(Throughput::Bytes(8 * plain.len() as u64));
    group.sample_size(20);
    for (name, framing, compression) in methods() {
        group.bench_function(BenchmarkId::new("write", name), |b| {
            b.iter(|| runtime.block_on(archive(framing, &compression, &plain, count)));
        });
        let stored = Bytes::from(
            runtime
                .block_on(archive(framing, &compression, &plain, count))
                .bytes(),
        );
        group.bench_function(BenchmarkId::new("read", name), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let source = Box::new(BytesSource::new(stored.clone()));
                    let mut archive = Archive::open(source).await.expect("open");
                    let data = archive.open_data(DumpId(1)).await.expect("the data");
                    let mut rows = data.rows();
                    let mut length = 0;
                    while let Some(bytes) = rows.next().await.expect("rows") {
                        length += bytes.len();
                    }
                    assert_eq!(length, 8 * plain.len());
                });
            });
        });
    }
    group.finish();
}

/// Objects with names in no order, each depending on some that stand anywhere.
fn catalog(size: u32) -> Catalog {
    let mut catalog = Catalog::new(ServerVersion(180_000), Quoting::default());
    for n in 0..size {
        let mixed = n.wrapping_mul(2_654_435_761) % 1_000_003;
        let body = Body::Schema(Box::new(Schema {
            create: true,
            contents: Components::ALL,
        }));
        let row = CatalogId {
            tableoid: 2615,
            oid: 16_384 + n,
        };
        let object = catalog.add(row, format!("object_{mixed}"), body);
        if n > 10 {
            object.dependencies = vec![DumpId(1 + mixed % n), DumpId(n / 2 + 1)];
        }
    }
    catalog
}

fn ordering(c: &mut Criterion) {
    let mut group = c.benchmark_group("order");
    group.sample_size(20);
    for size in [1_000, 10_000, 100_000] {
        group.throughput(Throughput::Elements(u64::from(size)));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter_batched(
                || catalog(size),
                |mut catalog| order::arrange(&mut catalog).expect("an order"),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn granting(c: &mut Criterion) {
    let target = GrantTarget {
        kind: Grantable::Table,
        name: BStr::new("public.orders"),
        column: None,
        owner: BStr::new("shop"),
        prefix: BStr::new(""),
    };
    let items = |texts: &[&str]| -> Vec<BString> { texts.iter().map(|text| BString::from(*text)).collect() };
    let base = items(&["shop=arwdDxtm/shop"]);
    let granted = items(&[
        "shop=arwdDxtm/shop",
        "=r/shop",
        "\"Odd \"\"Role\"=ar*w/shop",
        "clerk=arw/boss",
        "boss=a*r*w*d*/shop",
    ]);
    c.bench_function("grants on a table", |b| {
        b.iter(|| grants(&target, black_box(&granted), black_box(&base), Quoting::default()));
    });
}

fn splitting(c: &mut Criterion) {
    let (rows, _) = rows(1 << 16);
    let mut script = Vec::new();
    for n in 0..200 {
        script.extend_from_slice(
            format!(
                "--\n-- Name: f{n}(); Type: FUNCTION\n--\n\nCREATE FUNCTION public.f{n}() RETURNS integer\n    LANGUAGE plpgsql\n    \
                 AS $_$\nBEGIN\n  -- it's; not /* the end\n  RETURN 'a''b;' || $1;\nEND$_$;\n\n\n\
                 CREATE TABLE public.\"T;{n}\" (\n    id integer DEFAULT nextval('x;y'::regclass) NOT NULL,\n    v text\n);\n\n"
            )
            .as_bytes(),
        );
        if n % 20 == 0 {
            script
                .extend_from_slice(format!("COPY public.\"T;{n}\" (a, b, c, d, e) FROM stdin;\n").as_bytes());
            script.extend_from_slice(&rows);
            script.extend_from_slice(b"\\.\n\n\n");
        }
    }
    let mut group = c.benchmark_group("split a script");
    group.throughput(Throughput::Bytes(script.len() as u64));
    group.bench_function("with rows", |b| {
        b.iter(|| {
            let mut splitter = Splitter::new();
            let mut items = 0;
            for piece in script.chunks(128 << 10) {
                splitter.push(piece);
                while let Some(item) = splitter.next().expect("a script") {
                    black_box(item);
                    items += 1;
                }
            }
            assert!(items > 400);
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for part in [encoding, copying, ordering, granting, splitting] {
        part(&mut criterion);
    }
    criterion.final_summary();
}
