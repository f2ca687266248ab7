//! Cutting tables into segments: ranges of pages that lanes read side by side.
//!
//! A table's size counts heap and TOAST together, as the server has them on disk at that moment. What is read
//! stays the same whatever it is: the first segment begins with the first page, the last one has no end, and every
//! row that the dump's snapshot shows was in one of these pages when the snapshot was taken. Who reads which
//! segment is [`super::pool`]'s.

use std::collections::HashMap;

use bstr::BString;
use postgres_types::Type;

use crate::connect::Columns;
use crate::error::Result;
use crate::objects::Reader;
use crate::objects::table::data::RowQuery;

/// The size of a table on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Pages of the heap.
    pub(super) pages: u64,
    /// Bytes of heap and TOAST.
    pub(super) bytes: u64,
}

/// How a table is cut: into so many segments of so many pages each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    count: u64,
    pages: u64,
}

impl Cut {
    /// All of the table at once.
    pub(super) const WHOLE: Cut = Cut { count: 1, pages: 0 };

    /// Segments of about so many bytes.
    pub(super) fn new(size: Size, segment_size: u64) -> Cut {
        let wanted = size.bytes.div_ceil(segment_size.max(1));
        if wanted < 2 || size.pages < 2 {
            return Cut::WHOLE;
        }
        let pages = (size.pages / wanted).max(1);
        Cut {
            count: size.pages.div_ceil(pages),
            pages,
        }
    }

    /// How many segments there are, at least one.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The statement that reads segment `number` of those of `query`.
    pub(super) fn statement(&self, query: &RowQuery, number: u64) -> BString {
        if self.count == 1 {
            return query.all.clone();
        }
        let first = number * self.pages;
        let is_last = number + 1 >= self.count;
        query.part(first, (!is_last).then_some(first + self.pages))
    }
}

/// The sizes of tables, by their oids.
///
/// # Errors
/// If the server does not tell.
pub(super) async fn sizes(reader: &Reader<'_>, tables: &[u32]) -> Result<HashMap<u32, Size>> {
    const SQL: &str = "SELECT s.oid, s.heap / pg_catalog.current_setting('block_size')::pg_catalog.int8, \
           s.heap + s.toast \
         FROM (SELECT c.oid, COALESCE(pg_catalog.pg_relation_size(c.oid), 0) AS heap, \
             COALESCE(pg_catalog.pg_relation_size(NULLIF(c.reltoastrelid, 0)), 0) AS toast \
           FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1)) s";
    let rows = reader
        .rows("the sizes of tables", SQL, &[(&tables, Type::OID_ARRAY)])
        .await?;
    let mut sizes = HashMap::with_capacity(rows.len());
    for row in &rows {
        let mut c = Columns::new(row);
        let table = c.oid()?;
        let (pages, bytes) = (c.int8()?, c.int8()?);
        let size = Size {
            pages: u64::try_from(pages).unwrap_or(0),
            bytes: u64::try_from(bytes).unwrap_or(0),
        };
        sizes.insert(table, size);
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of pages without TOAST.
    fn heap(pages: u64) -> Size {
        Size {
            pages,
            bytes: pages * 8192,
        }
    }

    #[test]
    fn segments_are_about_as_long_as_wanted_and_cover_all_pages() {
        for pages in [2, 3, 10, 127, 128, 129, 1000, 131_072] {
            for segment in [1, 8192, 100_000, 1 << 20, 16 << 20] {
                let cut = Cut::new(heap(pages), segment);
                if cut == Cut::WHOLE {
                    assert!(pages * 8192 <= segment, "{pages} pages are cut at {segment}");
                    continue;
                }
                assert!(cut.pages >= 1 && cut.pages * 8192 <= segment.max(8192));
                assert!(cut.count * cut.pages >= pages && (cut.count - 1) * cut.pages < pages);
            }
        }
    }

    #[test]
    fn toast_makes_segments_of_fewer_pages() {
        let size = Size {
            pages: 100,
            bytes: 100 << 20,
        };
        assert_eq!(Cut::new(size, 10 << 20), Cut { count: 10, pages: 10 });
        assert_eq!(Cut::new(size, 1), Cut { count: 100, pages: 1 });
        // However much TOAST there is, a page is not cut.
        assert_eq!(Cut::new(Size { pages: 1, ..size }, 10 << 20), Cut::WHOLE);
    }
}
