"""The category erasure saga: what a person or staff decided to erase is erased, however often that is tried."""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeAlias, assert_never

from msgspec.structs import replace

from eventshop.core.messages import Meta
from eventshop.core.saga import Saga, SagaAction
from users.domain.events import CategoriesErased
from users.sagas.erasure_effects import CategoriesGone, EraseCategories
from users.sagas.person import person_of

CategoryErasureInput: TypeAlias = CategoriesErased | CategoriesGone


class CategoryErasureSaga(Saga[CategoryErasureInput], frozen=True):
    """The erasures of categories of one person's data that are not done yet."""

    kind: ClassVar[str] = "category-erasure"

    pending: int = 0

    subject_of = staticmethod(person_of)

    @staticmethod
    def starts_with(event: Any, meta: Meta) -> bool:
        return isinstance(event, CategoriesErased)

    @property
    def ended(self) -> bool:
        return not self.pending

    def react(self, event: CategoryErasureInput) -> list[SagaAction]:
        match event:
            case CategoriesErased(user_id=user_id, categories=categories):
                return [EraseCategories(user_id, categories)]
            case CategoriesGone():
                return []
            case _:
                assert_never(event)

    def evolve(self, event: CategoryErasureInput) -> Self:
        match event:
            case CategoriesErased():
                return replace(self, pending=self.pending + 1)
            case CategoriesGone():
                return replace(self, pending=max(0, self.pending - 1))
            case _:
                assert_never(event)
