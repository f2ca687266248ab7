//! The catalog in memory: all objects of a database, found by number or by catalog row.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use bstr::{BStr, BString};

use super::attributes::Attributes;
use super::upgrade::Upgrade;
use super::{Body, Components, Object};
use crate::connect::ServerVersion;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::Quoting;
use crate::toc::{CatalogId, DumpId};

/// The oids of the system catalogs that objects live in; they are the same in every release.
pub mod class {
    macro_rules! classes {
        ($($name:ident = $oid:literal;)*) => {
            $(#[doc = concat!("`", stringify!($name), "`.")] pub const $name: u32 = $oid;)*
        };
    }
    classes! {
        PG_DEFAULT_ACL = 826;
        PG_TYPE = 1247;
        PG_PROC = 1255;
        PG_CLASS = 1259;
        PG_AUTHID = 1260;
        PG_DATABASE = 1262;
        PG_FOREIGN_SERVER = 1417;
        PG_FOREIGN_DATA_WRAPPER = 2328;
        PG_AM = 2601;
        PG_AMOP = 2602;
        PG_AMPROC = 2603;
        PG_ATTRDEF = 2604;
        PG_CAST = 2605;
        PG_CONSTRAINT = 2606;
        PG_CONVERSION = 2607;
        PG_LANGUAGE = 2612;
        PG_LARGEOBJECT = 2613;
        PG_NAMESPACE = 2615;
        PG_OPCLASS = 2616;
        PG_OPERATOR = 2617;
        PG_REWRITE = 2618;
        PG_TRIGGER = 2620;
        PG_OPFAMILY = 2753;
        PG_LARGEOBJECT_METADATA = 2995;
        PG_EXTENSION = 3079;
        PG_POLICY = 3256;
        PG_STATISTIC_EXT = 3381;
        PG_COLLATION = 3456;
        PG_EVENT_TRIGGER = 3466;
        PG_TRANSFORM = 3576;
        PG_TS_DICT = 3600;
        PG_TS_PARSER = 3601;
        PG_TS_CONFIG = 3602;
        PG_TS_TEMPLATE = 3764;
        PG_SUBSCRIPTION = 6100;
        PG_PUBLICATION = 6104;
        PG_PUBLICATION_REL = 6106;
        PG_PUBLICATION_NAMESPACE = 6237;
    }
}

/// What is found by catalog row. Oids come from the server alone, so nobody can make them collide.
pub(super) type ByRow<T> = HashMap<CatalogId, T, BuildHasherDefault<RowHasher>>;

/// Mixes the two numbers of a [`CatalogId`]: rows are looked up by the million.
#[derive(Debug, Default)]
pub(super) struct RowHasher(u64);

impl Hasher for RowHasher {
    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// All objects of one database, as one snapshot saw them.
#[derive(Debug)]
pub struct Catalog {
    /// The server they were read from.
    pub version: ServerVersion,
    /// How identifiers are quoted in what is emitted.
    pub quoting: Quoting,
    /// Role names by oid.
    pub roles: HashMap<u32, BString>,
    /// Comments, security labels and column grants.
    pub attributes: Attributes,
    /// What pg_upgrade needs besides; only in a dump for it.
    pub upgrade: Option<Box<Upgrade>>,
    /// What could not be read, in sentences for the user.
    pub warnings: Vec<String>,
    objects: Vec<Object>,
    by_row: ByRow<DumpId>,
}

impl Catalog {
    /// A catalog without objects.
    pub fn new(version: ServerVersion, quoting: Quoting) -> Catalog {
        Catalog {
            version,
            quoting,
            roles: HashMap::new(),
            attributes: Attributes::default(),
            upgrade: None,
            warnings: Vec::new(),
            objects: Vec::new(),
            by_row: ByRow::default(),
        }
    }

    /// Adds an object: wanted in full, with a definition, depending on nothing yet.
    ///
    /// The caller narrows or widens what the returned object has.
    pub fn add(&mut self, catalog_id: CatalogId, name: impl Into<BString>, body: Body) -> &mut Object {
        let place = self.objects.len();
        // A dump of more than four thousand million objects cannot be numbered in an archive at all.
        let id = DumpId(u32::try_from(place + 1).unwrap_or(u32::MAX));
        if catalog_id.tableoid != 0 {
            self.by_row.insert(catalog_id, id);
        }
        self.objects.push(Object {
            id,
            catalog_id,
            name: name.into(),
            schema: None,
            owner: 0,
            dump: Components::ALL,
            has: Components::DEFINITION,
            extension: None,
            acl: None,
            dependencies: Vec::new(),
            body,
        });
        &mut self.objects[place]
    }

    /// All objects, in the order of their numbers.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// All objects, to change them.
    pub fn objects_mut(&mut self) -> &mut [Object] {
        &mut self.objects
    }

    /// The object with this number.
    ///
    /// # Panics
    /// If the number is not one that [`add`](Catalog::add) gave: numbers never come from outside.
    pub fn object(&self, id: DumpId) -> &Object {
        &self.objects[id.0 as usize - 1]
    }

    /// The object with this number, to change it. Panics as [`object`](Catalog::object) does.
    pub fn object_mut(&mut self, id: DumpId) -> &mut Object {
        &mut self.objects[id.0 as usize - 1]
    }

    /// The number of the object that is this row of a catalog.
    pub fn find(&self, tableoid: u32, oid: u32) -> Option<DumpId> {
        self.by_row.get(&CatalogId { tableoid, oid }).copied()
    }

    /// The number of a schema.
    ///
    /// # Errors
    /// If the schema was not read, which means that the catalogs contradict each other.
    pub fn schema(&self, oid: u32) -> Result<DumpId> {
        self.find(class::PG_NAMESPACE, oid).ok_or_else(|| {
            Error::new(
                ErrorKind::Protocol,
                format!("schema with OID {oid} does not exist"),
            )
        })
    }

    /// The name of the schema an object lives in.
    pub fn schema_name(&self, object: &Object) -> Option<&BStr> {
        object.schema.map(|id| self.object(id).name())
    }

    /// Checks that every object's owner is there: a dump could not say whose the object shall be.
    ///
    /// # Errors
    /// If an owner is gone, which only a change made to the catalogs by hand brings about.
    pub fn check_owners(&self) -> Result<()> {
        let orphan = self
            .objects
            .iter()
            .find(|object| object.owner != 0 && !self.roles.contains_key(&object.owner));
        orphan.map_or(Ok(()), |object| {
            Err(Error::new(
                ErrorKind::Protocol,
                format!("role with OID {} does not exist", object.owner),
            ))
        })
    }

    /// The name of the role that owns an object; empty if it has no owner or the role is gone.
    pub fn owner_name(&self, object: &Object) -> &BStr {
        self.role_name(object.owner)
    }

    /// A role's name; empty if there is no such role.
    pub fn role_name(&self, oid: u32) -> &BStr {
        self.roles.get(&oid).map_or(BStr::new(b""), |name| name.as_ref())
    }

    /// An object's name as SQL, without its schema.
    pub fn ident(&self, object: &Object) -> BString {
        self.quoting.ident(object.name())
    }

    /// An object's name as SQL, with its schema if it lives in one.
    pub fn qualified(&self, object: &Object) -> BString {
        match self.schema_name(object) {
            Some(schema) => self.quoting.qualified(schema, object.name()),
            None => self.ident(object),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;
    use std::mem::size_of;

    use super::*;
    use crate::objects::function::Function;
    use crate::objects::table::attrdef::AttrDef;
    use crate::objects::table::constraint::Constraint;
    use crate::objects::table::index::Index;
    use crate::objects::table::{Column, Table};
    use crate::objects::types::Type;
    use crate::toc::Entry;

    /// Of each of these there are as many as a database has tables, and more. What few of them have belongs in
    /// a box, and what many share in a name: then a dump takes no more memory than pg_dump.
    #[test]
    fn what_there_are_many_of_is_small() {
        let sizes = [
            ("object", size_of::<Object>(), 112),
            ("table", size_of::<Table>(), 376),
            ("column", size_of::<Column>(), 144),
            ("default", size_of::<AttrDef>(), 32),
            ("constraint", size_of::<Constraint>(), 64),
            ("index", size_of::<Index>(), 208),
            ("type", size_of::<Type>(), 32),
            ("function", size_of::<Function>(), 40),
            ("entry", size_of::<Entry>(), 232),
        ];
        for (what, size, limit) in sizes {
            assert!(size <= limit, "{what}: {size} bytes, which were {limit} at most");
        }
    }

    #[test]
    fn rows_of_different_catalogs_and_neighbouring_oids_are_told_apart() {
        let build = BuildHasherDefault::<RowHasher>::default();
        let rows = [class::PG_CLASS, class::PG_TYPE, class::PG_CONSTRAINT]
            .into_iter()
            .flat_map(|tableoid| (16_384..26_384).map(move |oid| CatalogId { tableoid, oid }));
        let hashes: Vec<u64> = rows.map(|row| build.hash_one(row)).collect();
        let distinct = |bits: fn(u64) -> u64| {
            hashes
                .iter()
                .map(|hash| bits(*hash))
                .collect::<HashSet<_>>()
                .len()
        };
        assert_eq!(distinct(|hash| hash), 30_000);
        // A table of 65,536 places takes the low bits for the place.
        assert!(distinct(|hash| hash & 0xffff) > 20_000);
    }
}
