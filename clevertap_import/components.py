"""The Dagster components: an import in any project's `defs/` folder, and the page of all its imports."""

from typing import Self

import dagster as dg
from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from clevertap_import.config.dagster_project import DagsterProject
from clevertap_import.config.model import ImportConfig
from clevertap_import.config.yaml_file import Draft, LoadedImport
from clevertap_import.orchestration.code_location import code_references, import_definitions
from clevertap_import.orchestration.monitor_tasks import monitor_definitions
from clevertap_import.project.folder import load_folder, with_sql_loaded


class Attributes(ImportConfig):
    """An import whose errors Dagster can show with file and line: for that they must be pydantic's own
    errors."""

    @model_validator(mode="wrap")
    @classmethod
    def _as_value_errors(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            problems = [
                InitErrorDetails(
                    type="value_error", loc=each["loc"], input=None, ctx={"error": ValueError(each["msg"])}
                )
                for each in error.errors(include_url=False)
            ]
            raise ValidationError.from_exception_data("import", problems) from None


class CleverTapImport(dg.Component):
    """Imports rows from Snowflake to CleverTap, as user profiles or events."""

    def __init__(self, config: ImportConfig, file: str, line: int) -> None:
        self.config = config
        self.file = file
        self.line = line

    @classmethod
    def get_model_cls(cls) -> type[ImportConfig]:
        return Attributes

    @classmethod
    def load(cls, attributes: ImportConfig | None, context: dg.ComponentLoadContext) -> Self:  # type: ignore[override]
        if attributes is None:
            raise dg.DagsterInvalidDefinitionError("The import has no attributes.")
        tree = context.resolution_context.source_position_tree
        file, line = (
            (tree.position.filename, tree.position.start.line) if tree else (context.path / "defs.yaml", 1)
        )
        found = with_sql_loaded(LoadedImport(attributes, str(file), line), context.project_root)
        if isinstance(found, Draft):
            raise dg.DagsterInvalidDefinitionError("\n".join(map(str, found.problems)))
        return cls(found.config, found.file, found.line)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        return import_definitions(self.config, code_references(self.file, self.line))


class ImportCenter(dg.Component):
    """Shows all imports of the project on one page: the asset clevertap/import_center. Has no attributes."""

    @classmethod
    def load(cls, attributes: object, context: dg.ComponentLoadContext) -> Self:
        if attributes:
            raise dg.DagsterInvalidDefinitionError("ImportCenter has no attributes. Remove them.")
        return cls()

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        folder = context.defs_module_path
        imports = load_folder(folder, DagsterProject(context.project_root, folder))
        return monitor_definitions(imports)
